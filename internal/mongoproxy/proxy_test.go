package mongoproxy_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/internal/mongoproxy"
)

// server answers every message with {ok: 1}, and knows which ones came.
type server struct {
	net.Listener
	mu   sync.Mutex
	seen []string
}

func startServer(t *testing.T) *server {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return s
}

func (s *server) serve(c net.Conn) {
	defer c.Close()
	for {
		header := make([]byte, 16)
		if _, err := io.ReadFull(c, header); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(header)-16)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		for body = body[4:]; body[0] == 1; { // sequences of documents stand in front here
			body = body[1+binary.LittleEndian.Uint32(body[1:]):]
		}
		elements, err := bson.Raw(body[1:]).Elements()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.seen = append(s.seen, elements[0].Key())
		s.mu.Unlock()
		if _, err := c.Write(frame(0, binary.LittleEndian.Uint32(header[4:]), 0, bson.D{{Key: "ok", Value: 1}})); err != nil {
			return
		}
	}
}

func (s *server) commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.seen...)
}

// frame makes an OP_MSG; sections of documents may stand in front of the body.
func frame(id, answers, flags uint32, body bson.D, sequences ...string) []byte {
	rest := binary.LittleEndian.AppendUint32(nil, flags)
	for _, s := range sequences {
		rest = append(rest, 1)
		rest = binary.LittleEndian.AppendUint32(rest, uint32(4+len(s)+1+5))
		rest = append(append(rest, s...), 0, 5, 0, 0, 0, 0)
	}
	document, err := bson.Marshal(body)
	if err != nil {
		panic(err)
	}
	rest = append(append(rest, 0), document...)
	m := binary.LittleEndian.AppendUint32(nil, uint32(16+len(rest)))
	m = binary.LittleEndian.AppendUint32(m, id)
	m = binary.LittleEndian.AppendUint32(m, answers)
	m = binary.LittleEndian.AppendUint32(m, 2013)
	return append(m, rest...)
}

func command(name string, value any) bson.D {
	return bson.D{{Key: name, Value: value}, {Key: "$db", Value: "d"}}
}

// client is a connection through the proxy.
type client struct {
	net.Conn
	id uint32
}

func dial(t *testing.T, p *mongoproxy.Proxy) *client {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &client{Conn: c}
}

// call sends a command and reports whether an answer came.
func (c *client) call(body bson.D, sequences ...string) bool {
	c.id++
	if _, err := c.Write(frame(c.id, 0, 0, body, sequences...)); err != nil {
		return false
	}
	answer := make([]byte, len(frame(0, 0, 0, bson.D{{Key: "ok", Value: 1}})))
	_, err := io.ReadFull(c, answer)
	return err == nil && binary.LittleEndian.Uint32(answer[8:]) == c.id
}

func start(t *testing.T) (*mongoproxy.Proxy, *server) {
	t.Helper()
	s := startServer(t)
	p, err := mongoproxy.Start(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Err(), p.Close()); err != nil {
			t.Error(err)
		}
	})
	return p, s
}

func TestCuts(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []mongoproxy.Fault
		passed int      // calls answered before the cut
		served []string // what the server saw
	}{
		{"none", nil, 4, []string{"find", "hello", "update", "update"}},
		{"before the first", []mongoproxy.Fault{{Nth: 1, Action: mongoproxy.Action{Cut: mongoproxy.Before}}}, 0, []string{}},
		{"after the first", []mongoproxy.Fault{{Nth: 1, Action: mongoproxy.Action{Cut: mongoproxy.After}}}, 0, []string{"find"}},
		{"before the second, hello not counted", []mongoproxy.Fault{{Nth: 2, Action: mongoproxy.Action{Cut: mongoproxy.Before}}}, 2, []string{"find", "hello"}},
		{"after the second update", []mongoproxy.Fault{{Names: []string{"update"}, Nth: 2, Action: mongoproxy.Action{Cut: mongoproxy.After}}}, 3,
			[]string{"find", "hello", "update", "update"}},
		{"never", []mongoproxy.Fault{{Names: []string{"insert"}, Nth: 1, Action: mongoproxy.Action{Cut: mongoproxy.After}}}, 4,
			[]string{"find", "hello", "update", "update"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, s := start(t)
			p.Arm(test.faults...)
			c := dial(t, p)
			passed := 0
			for _, body := range []bson.D{command("find", "a"), command("hello", 1), command("update", "b"), command("update", "b")} {
				if !c.call(body) {
					break
				}
				passed++
			}
			if passed != test.passed {
				t.Errorf("%d calls were answered, want %d", passed, test.passed)
			}
			if diff := cmp.Diff(test.served, s.commands()); diff != "" {
				t.Errorf("what the server saw (-want +got):\n%s", diff)
			}
			if cut := passed < 4; cut != (p.Fired() == 1) {
				t.Errorf("%d cuts", p.Fired())
			}
			if !dial(t, p).call(command("ping", 1)) {
				t.Error("the next connection does not work")
			}
		})
	}
}

func TestRecord(t *testing.T) {
	p, _ := start(t)
	p.Arm()
	c := dial(t, p)
	session := bson.D{{Key: "id", Value: bson.Binary{Subtype: 4, Data: []byte{0xab, 0x01}}}}
	inside := append(command("insert", "Patient"), bson.E{Key: "lsid", Value: session}, bson.E{Key: "txnNumber", Value: int64(7)}, bson.E{Key: "autocommit", Value: false})
	for _, ok := range []bool{
		c.call(inside, "documents", "more"),
		c.call(append(command("getMore", int64(5)), bson.E{Key: "collection", Value: "history"})),
		c.call(command("isMaster", 1)),
		dial(t, p).call(command("commitTransaction", 1)),
	} {
		if !ok {
			t.Fatal("no answer")
		}
	}
	want := []mongoproxy.Command{
		{Connection: 1, Name: "insert", Database: "d", Collection: "Patient", Session: "ab01", Transaction: 7, InTransaction: true},
		{Connection: 1, Name: "getMore", Database: "d", Collection: "history"},
		{Connection: 2, Name: "commitTransaction", Database: "d"},
	}
	if diff := cmp.Diff(want, p.Commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if got := p.Commands()[0].String(); got != "insert Patient" {
		t.Error(got)
	}
}

func TestLateMeanwhileAndCrash(t *testing.T) {
	p, s := start(t)
	seen := make(chan []string, 2)
	crash := mongoproxy.Action{Cut: mongoproxy.After, Crash: true, Meanwhile: func() { seen <- s.commands() }}
	p.Arm(mongoproxy.Fault{Names: []string{"find"}, Nth: 1, Action: mongoproxy.Action{Late: 100 * time.Millisecond}},
		mongoproxy.Fault{Names: []string{"insert"}, Nth: 1, Times: 2, Action: crash})
	bystander, c := dial(t, p), dial(t, p)
	began := time.Now()
	if !bystander.call(command("find", "a")) || time.Since(began) < 100*time.Millisecond {
		t.Errorf("the answer came after %s", time.Since(began))
	}
	if c.call(command("insert", "a")) {
		t.Error("an answer in spite of the crash")
	}
	if diff := cmp.Diff([]string{"find", "insert"}, <-seen); diff != "" {
		t.Errorf("what the server saw before the crash (-want +got):\n%s", diff)
	}
	if bystander.call(command("find", "a")) {
		t.Error("another connection outlived the crash")
	}
	if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address()); err == nil {
		if (&client{Conn: c}).call(command("find", "a")) {
			t.Error("a connection after the crash")
		}
		_ = c.Close()
	}
	p.Refuse(false)
	if dial(t, p).call(command("insert", "a")) || p.Fired() != 2 {
		t.Errorf("the second insert passed, %d cuts", p.Fired())
	}
	p.Refuse(false)
	c = dial(t, p)
	if !c.call(command("insert", "a")) {
		t.Error("no answer although all is well")
	}
	p.Cut()
	if c.call(command("insert", "a")) {
		t.Error("an answer over a connection that was cut")
	}
}

func TestMalformed(t *testing.T) {
	s := startServer(t)
	p, err := mongoproxy.Start(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, p)
	if _, err := c.Write(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("an answer to nothing")
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "malformed") {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestThrough(t *testing.T) {
	for _, test := range []struct{ uri, want string }{
		{"mongodb://h:1", "mongodb://p:2/?directConnection=true"},
		{"mongodb://h:1,i:2/?replicaSet=rs0&compressors=zstd", "mongodb://p:2/?directConnection=true"},
		{"mongodb://u:p%40w@h:1,i:2/db?authSource=admin&tls=false", "mongodb://u:p%40w@p:2/db?authSource=admin&directConnection=true&tls=false"},
		{"mongodb://h/?tls=true", ""},
		{"mongodb+srv://h/", ""},
		{"mongodb://h/?a=%zz", ""},
	} {
		got, err := mongoproxy.Through(test.uri, "p:2")
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: got %q, %v; want %q", test.uri, got, err, test.want)
		}
	}
}
