package mongo_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// cut says where the proxy ends a connection.
type cut struct {
	command int  // number of the command among those counted, from 1; 0: nowhere
	after   bool // after the server has answered, instead of before it hears of it
}

// proxy stands between driver and server, counts commands, and cuts one of them off.
type proxy struct {
	listener net.Listener
	server   string
	pretend  bool // to be a replica set, see pretend_test.go

	mu      sync.Mutex
	counted []string // names of the commands since arm
	at      cut
}

// counts reports whether a command belongs to a write; the driver sends others when it likes.
func counts(name string) bool {
	switch name {
	case "find", "insert", "update", "delete", "findAndModify", "aggregate", "commitTransaction", "abortTransaction":
		return true
	}
	return false
}

func newProxy(t *testing.T, pretend bool) *proxy {
	t.Helper()
	parsed, err := connstring.Parse(serverURI(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, server: parsed.Hosts[0], pretend: pretend}
	t.Cleanup(func() { _ = listener.Close() })
	go p.serve()
	return p
}

// uri is the server's with the proxy's address.
func (p *proxy) uri(t *testing.T) string {
	t.Helper()
	scheme, rest, _ := strings.Cut(serverURI(t), "://")
	hosts, rest, _ := strings.Cut(rest, "/")
	database, parameters, _ := strings.Cut(rest, "?")
	credentials := hosts[:strings.LastIndexByte(hosts, '@')+1]
	return scheme + "://" + credentials + p.listener.Addr().String() + "/" + database + "?" + strings.TrimPrefix(parameters+"&directConnection=true", "&")
}

// arm begins to count.
func (p *proxy) arm(at cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counted, p.at = nil, at
}

// disarm ends it and returns what was counted.
func (p *proxy) disarm() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = cut{}
	return p.counted
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		go p.relay(client, server)
	}
}

// relay passes messages on, one request and one answer at a time, until a cut or the end.
func (p *proxy) relay(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	for {
		request, err := message(client)
		if err != nil {
			return
		}
		name := commandName(request)
		cutBefore, cutAfter := p.judge(name)
		if cutBefore {
			return
		}
		if p.pretend && (ends(name) || expires(request)) {
			if _, err := client.Write(done(request)); err != nil || cutAfter {
				return
			}
			continue
		}
		if p.pretend {
			request = outsideTransaction(request)
		}
		if _, err := server.Write(request); err != nil {
			return
		}
		answer, err := message(server)
		if err != nil || cutAfter {
			return
		}
		if p.pretend {
			answer = asReplicaSet(answer)
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// judge counts a command and says whether it is the one to cut off.
func (p *proxy) judge(name string) (before, after bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !counts(name) {
		return false, false
	}
	p.counted = append(p.counted, name)
	hit := len(p.counted) == p.at.command
	return hit && !p.at.after, hit && p.at.after
}

// message reads one message of the wire protocol.
func message(from io.Reader) ([]byte, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	all := make([]byte, binary.LittleEndian.Uint32(head))
	copy(all, head)
	_, err := io.ReadFull(from, all[16:])
	return all, err
}

// commandName is the name of the command in an OP_MSG: header, flags, kind 0, document.
func commandName(message []byte) string {
	const opMsg = 2013
	if len(message) < 26 || binary.LittleEndian.Uint32(message[12:]) != opMsg || message[20] != 0 {
		return ""
	}
	element, err := bsoncore.Document(message[21:]).IndexErr(0)
	if err != nil {
		return ""
	}
	return element.Key()
}
