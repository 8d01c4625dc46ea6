package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// told is what a client was told of a write.
type told int

const (
	toldDone    told = iota + 1
	toldNothing      // 503 with Retry-After: nothing was done
	toldUnknown      // 503 without: it may have been done
)

// note is a write of a diary.
type note struct {
	kind   string
	client string
	told   told
	key    string // Type/id of what was made
}

// diary is what clients were told of their writes while the store could not always be reached.
type diary struct {
	mu      sync.Mutex
	notes   map[string]*note // by X-Request-Id, which is in what is written, too
	strange []string         // answers that must not be
}

func (d *diary) saw(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.strange = append(d.strange, fmt.Sprintf(format, args...))
}

// count counts the notes of one kind of answer.
func (d *diary) count(what told) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.notes {
		if one.told == what {
			n++
		}
	}
	return n
}

// steadfast is a client that goes on in an outage.
type steadfast struct {
	*diary
	base, token, name string
	random            *rand.Rand
	serial            int
	done, refused     *atomic.Int64 // writes of it in this phase, for who waits
}

// work writes and reads until it is told to stop.
func (c *steadfast) work(stop <-chan struct{}) {
	for ; ; c.serial++ {
		select {
		case <-stop:
			return
		default:
		}
		id := c.name + "-" + strconv.Itoa(c.serial)
		switch c.random.IntN(5) {
		case 0:
			c.write("create", id, "POST", "/Observation", observation(id, "urn:election:create", ""))
		case 1:
			c.write("update", id, "PUT", "/Basic/"+c.name, fmt.Sprintf(`{"resourceType":"Basic","id":"%s","code":{"text":"%s"}}`, c.name, id))
		case 2:
			phase, _, _ := strings.Cut(c.name, "-")
			shared := phase + "-" + strconv.Itoa(c.serial/4)
			c.write("conditional", id, "POST", "/Device", fmt.Sprintf(`{"resourceType":"Device","serialNumber":"%s","identifier":[{"system":"urn:election","value":"%s"}]}`, id, shared),
				"If-None-Exist", "identifier=urn:election|"+shared)
		case 3:
			c.write("transaction", id, "POST", "", electionBundle(id))
		default:
			c.search()
		}
	}
}

func electionBundle(id string) string {
	entries := []string{fmt.Sprintf(`{"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","identifier":[{"system":"urn:election","value":"%s"}]},"request":{"method":"POST","url":"Patient"}}`, id)}
	for range membersOf {
		entries = append(entries, `{"resource":`+observation(id, "urn:election:transaction", "urn:uuid:p")+`,"request":{"method":"POST","url":"Observation"}}`)
	}
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
}

func (c *steadfast) send(id, method, path, body string, headers ...string) (int, http.Header, []byte, bool) {
	status, header, data, err := request(method, c.base+path, body, append(headers, "Authorization", "Bearer "+c.token, "X-Request-Id", id)...)
	if err != nil {
		c.saw("%s: %v", id, err)
	}
	return status, header, data, err == nil
}

// write makes one write, notes what it is told, and reads what it has made.
func (c *steadfast) write(kind, id, method, path, body string, headers ...string) {
	status, header, data, ok := c.send(id, method, path, body, headers...)
	if !ok {
		return
	}
	n := &note{kind: kind, client: c.name, key: keyOf(header.Get("Location"))}
	switch {
	case status == 200 || status == 201:
		n.told = toldDone
	case status == 503 && header.Get("Retry-After") != "":
		n.told = toldNothing
	case status == 503 && strings.Contains(string(data), `"code":"transient"`):
		n.told = toldUnknown
	default:
		c.saw("%s %s answered %d %.300s", kind, id, status, data)
		return
	}
	c.mu.Lock()
	c.notes[id] = n
	c.mu.Unlock()
	if n.told != toldDone {
		c.refused.Add(1)
		time.Sleep(50 * time.Millisecond) // a client waits before it comes again
		return
	}
	c.done.Add(1)
	if n.key != "" {
		c.read("/" + n.key)
	}
}

// read must find what is there, or be told that nobody can be asked.
func (c *steadfast) read(path string) []byte {
	status, header, data, ok := c.send("read-"+c.name, "GET", path, "")
	if ok && status != 200 && (status != 503 || header.Get("Retry-After") == "") {
		c.saw("read %s answered %d %.300s", path, status, data)
	}
	return data
}

// search finds what this client wrote last.
func (c *steadfast) search() {
	id := c.name + "-" + strconv.Itoa(c.serial-1)
	c.mu.Lock()
	n := c.notes[id]
	c.mu.Unlock()
	if n == nil || n.told != toldDone || n.kind != "create" {
		return
	}
	if data := c.read("/Observation?identifier=urn:election:create|" + id); strings.Contains(string(data), `"searchset"`) && !strings.Contains(string(data), `"`+id+`"`) {
		c.saw("%s is not found by who made it: %.300s", id, data)
	}
}
