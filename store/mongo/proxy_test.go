package mongo_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// proxy stands between driver and server; see pretend_test.go.
type proxy struct {
	listener net.Listener
	server   string
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	parsed, err := connstring.Parse(serverURI(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, server: parsed.Hosts[0]}
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

// relay passes messages on, one request and one answer at a time, as if the server were a replica set.
func (p *proxy) relay(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	for {
		request, err := message(client)
		if err != nil {
			return
		}
		if ends(commandName(request)) || expires(request) {
			if _, err := client.Write(done(request)); err != nil {
				return
			}
			continue
		}
		if _, err := server.Write(outsideTransaction(request)); err != nil {
			return
		}
		answer, err := message(server)
		if err != nil {
			return
		}
		if _, err := client.Write(asReplicaSet(answer)); err != nil {
			return
		}
	}
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
