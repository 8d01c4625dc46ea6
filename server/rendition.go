package server

import (
	"bytes"
	"strconv"
	"sync"

	"github.com/gin-gonic/gin"
)

// form is one of the forms that a body can be sent in.
type form struct {
	wire     wireFormat
	pretty   bool
	encoding encoding
}

// rendition is a body in the very form it is sent in.
type rendition struct {
	contentType string
	encoding    encoding
	varies      bool // with Accept-Encoding
	bytes       []byte
}

// renditions are the forms of one body that were asked for, each made once. A large body that everybody reads, such as the CapabilityStatement, is not laid out and
// compressed anew for each of them.
type renditions struct {
	mu   sync.Mutex
	made map[form]*rendition
}

// of gives the body in the form an exchange asks for.
func (r *renditions) of(s *Server, x *exchange, body []byte) (*rendition, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inForm(s, form{x.wire, x.pretty, x.encoding}, body)
}

// inForm makes a form, a compressed one of the plain one.
func (r *renditions) inForm(s *Server, f form, body []byte) (*rendition, error) {
	if known := r.made[f]; known != nil {
		return known, nil
	}
	var made *rendition
	var err error
	if f.encoding == identity {
		made, err = s.rendered(f, body)
	} else if made, err = r.inForm(s, form{f.wire, f.pretty, identity}, body); err == nil {
		made, err = s.packed(f.encoding, made)
	}
	if err != nil {
		return nil, err
	}
	if r.made == nil {
		r.made = map[form]*rendition{}
	}
	r.made[f] = made
	return made, nil
}

// rendered lays a body out.
func (s *Server) rendered(f form, body []byte) (*rendition, error) {
	out := rendition{contentType: contentTypeFHIR, bytes: body}
	if f.wire == inXML {
		data, err := s.encodeXML(&reply{body: body})
		if err != nil {
			return nil, unwritable(err)
		}
		out = rendition{contentType: contentTypeXML, bytes: data}
	}
	switch {
	case f.pretty && f.wire == inXML:
		out.bytes = indentedXML(out.bytes)
	case f.pretty:
		out.bytes = indented(&reply{}, out.bytes)
	}
	out.varies = len(out.bytes) >= compressFrom
	return &out, nil
}

// packed compresses a rendition when it is worth it.
func (s *Server) packed(e encoding, plain *rendition) (*rendition, error) {
	if !plain.varies {
		return plain, nil
	}
	var data bytes.Buffer
	if err := s.compressors.encode(e, &data, plain.bytes); err != nil {
		return nil, err
	}
	return &rendition{contentType: plain.contentType, encoding: e, varies: true, bytes: data.Bytes()}, nil
}

// write sends the rendition.
func (r *rendition) write(w gin.ResponseWriter, status int) (int, error) {
	h := w.Header()
	h["Content-Type"] = []string{r.contentType}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Content-Length"] = []string{strconv.Itoa(len(r.bytes))}
	if r.varies {
		vary(h, "Accept-Encoding")
	}
	if r.encoding != identity {
		h["Content-Encoding"] = []string{r.encoding.String()}
	}
	w.WriteHeader(status)
	return w.Write(r.bytes)
}
