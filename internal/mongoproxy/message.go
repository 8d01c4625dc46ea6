package mongoproxy

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Parts of the wire protocol (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/).
const (
	headerBytes    = 16
	maxMessage     = 64 << 20 // servers take 48 MB
	opMsg          = 2013
	flagChecksum   = 1 << 0
	flagMoreToCome = 1 << 1 // no answer follows
	sectionBody    = 0
	sectionDocs    = 1
)

var errFrame = errors.New("mongoproxy: a malformed message")

// Command is what is known of one command that came by.
type Command struct {
	Connection    int // number of the connection, from 1
	Name          string
	Database      string
	Collection    string // empty where the command is about none
	Session       string // id of the logical session in hexadecimal; empty for none
	Transaction   int64  // number of the transaction, or of the retryable write, within the session; 0 for none
	InTransaction bool   // the command is a part of a transaction, its end included
}

// String is name and collection.
func (c Command) String() string {
	if c.Collection == "" {
		return c.Name
	}
	return c.Name + " " + c.Collection
}

// message is one message with its header.
type message []byte

// readMessage reads one message whole.
func readMessage(r io.Reader) (message, error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size < headerBytes || size > maxMessage {
		return nil, fmt.Errorf("%w of %d bytes", errFrame, size)
	}
	m := make(message, size)
	copy(m, header[:])
	_, err := io.ReadFull(r, m[headerBytes:])
	return m, err
}

func (m message) id() uint32      { return binary.LittleEndian.Uint32(m[4:]) }
func (m message) answers() uint32 { return binary.LittleEndian.Uint32(m[8:]) }
func (m message) opCode() uint32  { return binary.LittleEndian.Uint32(m[12:]) }

// flags are those of an OP_MSG.
func (m message) flags() uint32 {
	if m.opCode() != opMsg || len(m) < headerBytes+4 {
		return 0
	}
	return binary.LittleEndian.Uint32(m[headerBytes:])
}

// body is the document of the section of kind 0 of an OP_MSG.
func (m message) body() (bson.Raw, error) {
	if m.opCode() != opMsg || len(m) < headerBytes+4 {
		return nil, errFrame
	}
	rest := m[headerBytes+4:]
	if m.flags()&flagChecksum != 0 {
		if len(rest) < 4 {
			return nil, errFrame
		}
		rest = rest[:len(rest)-4]
	}
	for len(rest) >= 5 {
		kind, size := rest[0], uint64(binary.LittleEndian.Uint32(rest[1:]))
		if kind > sectionDocs || size < 4 || size > uint64(len(rest)-1) {
			return nil, errFrame
		}
		if kind == sectionBody {
			body := bson.Raw(rest[1 : 1+size])
			return body, body.Validate()
		}
		rest = rest[1+size:]
	}
	return nil, errFrame
}

// command reads what a request asks for; ok is false for what is no OP_MSG, as the first message of a connection.
func (m message) command() (c Command, ok bool, err error) {
	if m.opCode() != opMsg {
		return Command{}, false, nil
	}
	body, err := m.body()
	if err != nil {
		return Command{}, false, err
	}
	elements, err := body.Elements()
	if err != nil || len(elements) == 0 {
		return Command{}, false, errors.Join(errFrame, err)
	}
	c.Name = elements[0].Key()
	c.Collection, _ = elements[0].Value().StringValueOK()
	if name, is := body.Lookup("collection").StringValueOK(); is && c.Name == "getMore" {
		c.Collection = name
	}
	c.Database, _ = body.Lookup("$db").StringValueOK()
	if _, id, is := body.Lookup("lsid", "id").BinaryOK(); is {
		c.Session = hex.EncodeToString(id)
	}
	c.Transaction, _ = body.Lookup("txnNumber").AsInt64OK()
	_, c.InTransaction = body.Lookup("autocommit").BooleanOK()
	return c, true, nil
}
