package mongo_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
	"github.com/firth-health/firth/store/storetest"
)

// TestPretended runs the suite with every transaction on FerretDB, through a proxy that makes it look like a replica set and answers the ends of transactions
// itself. Nothing is isolated or taken back, so that only what is decided before the first write can be tested: which is what an operation may do, what conditions
// find, and what the commands of a transaction write. A real server shows the rest.
func TestPretended(t *testing.T) {
	if real() {
		return
	}
	run(t, func(t *testing.T) {
		storetest.RunSized(t, func(t *testing.T) store.Store {
			p := newProxy(t)
			s, err := mongo.Open(t.Context(), p.uri(t), mongo.Options{Database: database(t)})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}, storetest.Sizes{Crowd: 100, Hot: 100})
	}, "-test.skip=/(paging|total|hot|deleted|reindex|state|archive|concurrency|extras)$|//race") // what transactions do not change, and what needs isolation
}

// ends reports whether a command ends a transaction.
func ends(name string) bool { return name == "commitTransaction" || name == "abortTransaction" }

// expires reports whether a request makes an index that forgets documents, which FerretDB cannot.
func expires(request []byte) bool {
	return commandName(request) == "createIndexes" && bytes.Contains(request, []byte("expireAfterSeconds"))
}

const headLength = 16

// done answers a request with {ok: 1}.
func done(request []byte) []byte {
	at, doc := bsoncore.AppendDocumentStart(nil)
	doc = bsoncore.AppendDoubleElement(doc, "ok", 1)
	doc, _ = bsoncore.AppendDocumentEnd(doc, at)
	answer := binary.LittleEndian.AppendUint32(nil, 0)
	answer = binary.LittleEndian.AppendUint32(answer, 1)
	answer = append(answer, request[4:8]...)                        // what it answers
	answer = append(answer, request[12:16]...)                      // OP_MSG
	answer = append(binary.LittleEndian.AppendUint32(answer, 0), 0) // flags, kind
	answer = append(answer, doc...)
	binary.LittleEndian.PutUint32(answer, uint32(len(answer)))
	return answer
}

// outsideTransaction takes from a command what says that it belongs to a transaction.
func outsideTransaction(request []byte) []byte {
	if commandName(request) == "" {
		return request
	}
	doc := bsoncore.Document(request[headLength+5:])
	length, _, _ := bsoncore.ReadLength(doc)
	elements, err := doc[:length].Elements()
	if err != nil {
		return request
	}
	at, less := bsoncore.AppendDocumentStart(slices.Clone(request[:headLength+5]))
	for _, e := range elements {
		switch e.Key() {
		case "autocommit", "readConcern", "startTransaction", "txnNumber":
		default:
			less = append(less, e...)
		}
	}
	less, _ = bsoncore.AppendDocumentEnd(less, at)
	less = append(less, doc[length:]...)
	binary.LittleEndian.PutUint32(less, uint32(len(less)))
	return less
}

// asReplicaSet adds to an answer to hello that the server is the primary of a set.
func asReplicaSet(answer []byte) []byte {
	at := headLength + 5 // of the document in an OP_MSG
	if binary.LittleEndian.Uint32(answer[12:]) == 1 {
		at = headLength + 20 // in an OP_REPLY
	}
	if len(answer) < at+5 {
		return answer
	}
	doc := bsoncore.Document(answer[at:])
	if _, err := doc.LookupErr("maxWireVersion"); err != nil {
		return answer
	}
	more := slices.Clone(doc[:len(doc)-1])
	more = bsoncore.AppendStringElement(more, "setName", "pretended")
	more = bsoncore.AppendInt32Element(more, "setVersion", 1)
	more = append(more, 0)
	binary.LittleEndian.PutUint32(more, uint32(len(more)))
	answer = append(slices.Clone(answer[:at]), more...)
	binary.LittleEndian.PutUint32(answer, uint32(len(answer)))
	return answer
}
