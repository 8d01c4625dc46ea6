package mongo

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// The fields of a document. Names are short because every document repeats them.
const (
	fieldID       = "_id"      // logical id; in history Type/id/version
	fieldType     = "y"        // history only: resource type
	fieldLogical  = "i"        // history only: logical id
	fieldVersion  = "v"        // int64, from 1
	fieldUpdated  = "u"        // meta.lastUpdated; the millisecond of q
	fieldSequence = "q"        // int64, see clock.go
	fieldCreated  = "c"        // q of the first version: the place in the order of creation
	fieldMethod   = "m"        // store.Method
	fieldDeleted  = "del"      // true for a deletion; else absent
	fieldPatient  = "p"        // see hot.go
	fieldHot      = "h"        // see hot.go
	fieldTime     = "t"        // see hot.go
	fieldLong     = "l"        // true for several times, or one that is long; else absent
	fieldMeasure  = "x"        // search.Measure, where an operation brought one and l is absent
	fieldOrder    = "o"        // sort values, see order.go
	fieldKeys     = "s"        // index keys, sorted
	fieldRaw      = "raw"      // the resource's JSON, where BSON does not give it back byte for byte
	fieldPacked   = "zip"      // the same, compressed, in the place of resource and raw, where those are too large together
	fieldResource = "resource" // the resource
)

// maxDocument is how large the resource and its text in a document become; MongoDB's limit for the whole is 16 MiB.
const maxDocument = 14 << 20

var (
	errCorrupt  = errors.New("mongo store: corrupt document")
	errTooLarge = fmt.Errorf("the resource is larger than MongoDB documents can be: %w", store.ErrUnsupported)
)

// version is one version of a resource on its way to or from the database.
type version struct {
	key      fhir.Key // without Version
	number   int64
	sequence int64
	updated  time.Time // meta.lastUpdated
	created  int64
	method   store.Method
	json     []byte         // nil for a deletion
	keys     []string       // index keys; nil for a deletion
	measure  search.Measure // only on its way to the database
}

func (v *version) live() bool { return v.method != store.Delete }

// result is the version as the store's callers see it.
func (v *version) result() store.Version {
	return store.Version{Key: fhir.Key{Type: v.key.Type, ID: v.key.ID, Version: strconv.FormatInt(v.number, 10)}, LastUpdated: v.updated,
		Method: v.method, JSON: v.json}
}

// head appends what current and older versions have in common.
func (v *version) head(dst []byte) []byte {
	dst = bsoncore.AppendInt64Element(dst, fieldVersion, v.number)
	dst = bsoncore.AppendDateTimeElement(dst, fieldUpdated, v.updated.UnixMilli())
	dst = bsoncore.AppendInt64Element(dst, fieldSequence, v.sequence)
	dst = bsoncore.AppendInt64Element(dst, fieldCreated, v.created)
	dst = bsoncore.AppendInt32Element(dst, fieldMethod, int32(v.method))
	if !v.live() {
		dst = bsoncore.AppendBooleanElement(dst, fieldDeleted, true)
	}
	return dst
}

// current is the document of the newest version.
func (s *Store) current(v *version) (bson.Raw, error) {
	at, dst := bsoncore.AppendDocumentStart(make([]byte, 0, 3*len(v.json)+1024))
	dst = bsoncore.AppendStringElement(dst, fieldID, v.key.ID)
	dst = v.head(dst)
	if v.live() {
		hot := deriveHot(v.key.Type, v.keys, v.created)
		dst = appendDerived(dst, v, hot)
		if v.measure != nil && !hot.long {
			dst = bsoncore.AppendBinaryElement(dst, fieldMeasure, 0, v.measure)
		}
		var err error
		if dst, err = s.content(dst, v.json); err != nil {
			return nil, err
		}
	}
	return bson.Raw(closeDocument(dst, at)), nil
}

// content appends the resource, with its bytes beside it where BSON does not give them back.
func (s *Store) content(dst, json []byte) ([]byte, error) {
	root, err := fhir.ParseWithin(json, fhir.Limits{Bytes: len(json), Depth: 1 << 10})
	if err != nil {
		return nil, fmt.Errorf("mongo store: the resource to write cannot be read: %w", err)
	}
	start := len(dst)
	e := encoder{exact: true, decimals: s.decimals}
	dst = e.object(bsoncore.AppendHeader(dst, bsoncore.TypeEmbeddedDocument, fieldResource), root, 1)
	if e.exact {
		doc := dst[start+len(fieldResource)+2:]
		back, err := appendJSON(make([]byte, 0, len(json)+64), doc)
		e.exact = err == nil && string(back) == string(json)
	}
	if !e.exact {
		dst = bsoncore.AppendBinaryElement(dst, fieldRaw, 0, json)
	}
	if len(dst) <= maxDocument {
		return dst, nil
	}
	if dst = s.pack(dst[:start], json); len(dst) > maxDocument {
		return nil, errTooLarge
	}
	return dst, nil
}

// pack appends the compressed text of a resource that is too large for more.
func (s *Store) pack(dst, json []byte) []byte {
	return bsoncore.AppendBinaryElement(dst, fieldPacked, 0, s.packer.EncodeAll(json, nil))
}

// archive makes the history document of a current one, without its _id: the same without what only searches need.
func archive(key fhir.Key, current bson.Raw) (id string, doc bson.Raw, err error) {
	elements, err := current.Elements()
	if err != nil {
		return "", nil, err
	}
	number, ok := current.Lookup(fieldVersion).AsInt64OK()
	if !ok {
		return "", nil, errCorrupt
	}
	id = historyID(key, number)
	at, dst := bsoncore.AppendDocumentStart(make([]byte, 0, len(current)+64))
	dst = bsoncore.AppendStringElement(dst, fieldType, key.Type)
	dst = bsoncore.AppendStringElement(dst, fieldLogical, key.ID)
	for _, e := range elements {
		switch e.Key() {
		case fieldVersion, fieldUpdated, fieldSequence, fieldCreated, fieldMethod, fieldDeleted, fieldRaw, fieldPacked, fieldResource:
			dst = append(dst, e...)
		}
	}
	return id, bson.Raw(closeDocument(dst, at)), nil
}

func historyID(key fhir.Key, number int64) string {
	return key.Type + "/" + key.ID + "/" + strconv.FormatInt(number, 10)
}

// readVersion reads a document of either kind; in one of a resource collection the type is not told. Fields that the projection left out are zero.
func (s *Store) readVersion(typ string, doc bson.Raw) (*version, error) {
	v := &version{key: fhir.Key{Type: typ}}
	rest, ok := elementsOf(doc)
	if !ok {
		return nil, errCorrupt
	}
	var body, raw, packed []byte
	for len(rest) > 0 {
		var e element
		if e, rest, ok = nextElement(rest); !ok {
			return nil, errCorrupt
		}
		switch string(e.name) {
		case fieldRaw:
			_, raw, ok = e.raw().BinaryOK()
		case fieldPacked:
			_, packed, ok = e.raw().BinaryOK()
		case fieldResource:
			body = e.value
		default:
			ok = v.read(&e)
		}
		if !ok {
			return nil, fmt.Errorf("field %s: %w", e.name, errCorrupt)
		}
	}
	var err error
	switch {
	case raw != nil:
		v.json = append([]byte{}, raw...)
	case packed != nil:
		v.json, err = s.unpacker.DecodeAll(packed, nil)
	case body != nil:
		v.json, err = appendJSON(make([]byte, 0, len(body)+len(body)/8), body)
	}
	return v, err
}

// read takes a field that is not the content. It returns false for what the field cannot hold; what Firth does not know it passes over.
func (v *version) read(e *element) (ok bool) {
	ok = true
	switch string(e.name) {
	case fieldID, fieldLogical:
		v.key.ID, ok = e.raw().StringValueOK()
	case fieldType:
		v.key.Type, ok = e.raw().StringValueOK()
	case fieldVersion:
		v.number, ok = e.raw().AsInt64OK()
	case fieldSequence:
		v.sequence, ok = e.raw().AsInt64OK()
	case fieldUpdated:
		var millis int64
		millis, ok = e.raw().DateTimeOK()
		v.updated = time.UnixMilli(millis).UTC()
	case fieldCreated:
		v.created, ok = e.raw().AsInt64OK()
	case fieldMethod:
		var method int64
		method, ok = e.raw().AsInt64OK()
		v.method = store.Method(method)
	case fieldKeys:
		v.keys, ok = readStrings(e.raw())
	}
	return ok
}

// readStrings reads an array of strings.
func readStrings(value bson.RawValue) ([]string, bool) {
	array, ok := value.ArrayOK()
	if !ok {
		return nil, false
	}
	rest, ok := elementsOf(array)
	if !ok {
		return nil, false
	}
	texts := make([]string, 0, 16)
	for len(rest) > 0 {
		var e element
		if e, rest, ok = nextElement(rest); !ok || e.kind != bsoncore.TypeString {
			return nil, false
		}
		texts = append(texts, string(e.text()))
	}
	return texts, true
}

// newPackers makes the compressor and its counterpart. They have no goroutines of their own.
func newPackers() (*zstd.Encoder, *zstd.Decoder, error) {
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return nil, nil, err
	}
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	return packer, unpacker, err
}
