package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/internal/teststore"
)

// journal is what clients were told before the server died. Everything in it must hold afterwards.
type journal struct {
	mu           sync.Mutex
	created      []string          // Type/id that were acknowledged
	updated      map[string]int    // Type/id to the largest sequence number acknowledged
	conditional  map[string]string // identifier to the one Type/id that everybody must have been told
	disputes     []string
	transactions map[string]bool // every one tried; true: acknowledged
}

func newJournal() *journal {
	return &journal{updated: map[string]int{}, conditional: map[string]string{}, transactions: map[string]bool{}}
}

func (j *journal) locked(f func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f()
}

// membersOf is how many Observations a transaction of the test writes, besides one Patient.
const membersOf = 4

// writer is one client that does everything a client can do, as fast as it is answered, until the server dies.
type writer struct {
	base    string
	journal *journal
	random  *rand.Rand
	name    string // unique over all rounds
	serial  int
	keys    string // names of the conditional creates, shared by all writers of a round
}

func (w *writer) work() {
	for alive := true; alive; w.serial++ {
		kinds := []func() bool{w.create, w.update, w.conditional, w.transaction}
		if teststore.FerretDB() {
			kinds = kinds[:2] // without transactions the others are refused
		}
		alive = kinds[w.random.IntN(len(kinds))]()
	}
}

// accepted reports whether a write was acknowledged. A server that is there refuses none of these writes.
func (w *writer) accepted(err error, what string, status int, good ...int) bool {
	if err != nil {
		return false
	}
	if !slices.Contains(good, status) {
		w.journal.locked(func() { w.journal.disputes = append(w.journal.disputes, fmt.Sprintf("%s answered %d", what, status)) })
		return false
	}
	return true
}

func (w *writer) create() bool {
	status, header, _, err := request("POST", w.base+"/Observation", observation(w.name+"-"+strconv.Itoa(w.serial), "urn:kill:create", ""))
	if !w.accepted(err, "create", status, 201) {
		return false
	}
	w.journal.locked(func() { w.journal.created = append(w.journal.created, keyOf(header.Get("Location"))) })
	return true
}

func (w *writer) conditional() bool {
	key := w.keys + "-" + strconv.Itoa(w.random.IntN(40))
	body := fmt.Sprintf(`{"resourceType":"Device","identifier":[{"system":"urn:kill:conditional","value":"%s"}]}`, key)
	status, header, _, err := request("POST", w.base+"/Device", body, "If-None-Exist", "identifier=urn:kill:conditional|"+key)
	if !w.accepted(err, "conditional create", status, 200, 201) {
		return false
	}
	told := keyOf(header.Get("Location"))
	w.journal.locked(func() {
		if other, known := w.journal.conditional[key]; known && other != told {
			w.journal.disputes = append(w.journal.disputes, fmt.Sprintf("conditional create %s told two stories: %s and %s", key, other, told))
		}
		w.journal.conditional[key] = told
	})
	return true
}

// update writes rising numbers to a resource that only this writer has.
func (w *writer) update() bool {
	body := fmt.Sprintf(`{"resourceType":"Basic","id":"%s","code":{"text":"%d"}}`, w.name, w.serial)
	status, _, _, err := request("PUT", w.base+"/Basic/"+w.name, body)
	if !w.accepted(err, "update", status, 200, 201) {
		return false
	}
	w.journal.locked(func() { w.journal.updated["Basic/"+w.name] = w.serial })
	return true
}

func (w *writer) transaction() bool {
	tag := w.name + "-t" + strconv.Itoa(w.serial)
	w.journal.locked(func() { w.journal.transactions[tag] = false })
	entries := []string{fmt.Sprintf(`{"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","identifier":[{"system":"urn:kill:transaction","value":"%s"}]},`+
		`"request":{"method":"POST","url":"Patient"}}`, tag)}
	for range membersOf {
		entries = append(entries, `{"resource":`+observation(tag, "urn:kill:transaction", "urn:uuid:p")+`,"request":{"method":"POST","url":"Observation"}}`)
	}
	body := `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
	status, _, _, err := request("POST", w.base, body)
	if !w.accepted(err, "transaction", status, 200) {
		return false
	}
	w.journal.locked(func() { w.journal.transactions[tag] = true })
	return true
}

func observation(value, system, subject string) string {
	about := ""
	if subject != "" {
		about = `"subject":{"reference":"` + subject + `"},`
	}
	return fmt.Sprintf(`{"resourceType":"Observation","status":"final",%s"identifier":[{"system":"%s","value":"%s"}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"valueQuantity":{"value":61,"system":"http://unitsofmeasure.org","code":"/min"}}`, about, system, value)
}

// keyOf is Type/id of a Location.
func keyOf(location string) string {
	location, _, _ = strings.Cut(location, "/_history/")
	parts := strings.Split(location, "/")
	if len(parts) < 2 {
		return location
	}
	return strings.Join(parts[len(parts)-2:], "/")
}

// verify compares the journal with what a server says that was started after the death of another.
func (j *journal) verify(t *testing.T, base string) {
	t.Helper()
	for _, dispute := range j.disputes {
		t.Errorf("before the kill: %s", dispute)
	}
	concurrently(j.created, func(key string) {
		if status, _, body, err := request("GET", base+"/"+key, ""); err != nil || status != 200 {
			t.Errorf("acknowledged %s is lost: %d %.200s %v", key, status, body, err)
		}
	})
	for key, serial := range j.updated {
		text := ask(t, 200, "GET", base+"/"+key, "").Path("code", "text").Text()
		if got, err := strconv.Atoi(text); err != nil || got < serial {
			t.Errorf("%s is back at %s, but %d was acknowledged", key, text, serial)
		}
	}
	for key, told := range j.conditional {
		found := ask(t, 200, "GET", base+"/Device?identifier=urn:kill:conditional|"+key, "")
		if id := "Device/" + found.Get("entry").Index(0).Path("resource", "id").Text(); found.Get("total").Text() != "1" || id != told {
			t.Errorf("conditional create %s: %s found, %s told, %s there", key, found.Get("total").Text(), told, id)
		}
	}
	var tags []string
	for tag := range j.transactions {
		tags = append(tags, tag)
	}
	concurrently(tags, func(tag string) {
		if err := j.checkTransaction(base, tag); err != nil {
			t.Error(err)
		}
	})
}

// checkTransaction accepts all of it, or, when it was not acknowledged, nothing.
func (j *journal) checkTransaction(base, tag string) error {
	members, err := total(base + "/Observation?identifier=urn:kill:transaction|" + tag)
	if err != nil {
		return err
	}
	patients, err := total(base + "/Patient?identifier=urn:kill:transaction|" + tag)
	if err != nil {
		return err
	}
	whole := members == membersOf && patients == 1
	nothing := members == 0 && patients == 0
	if !whole && (j.transactions[tag] || !nothing) {
		return fmt.Errorf("transaction %s (acknowledged: %v) left %d of %d Observations and %d of 1 Patient", tag, j.transactions[tag], members, membersOf, patients)
	}
	return nil
}

func total(search string) (int, error) {
	status, _, body, err := request("GET", search+"&_total=accurate", "")
	if err != nil || status != 200 {
		return 0, fmt.Errorf("%s: %d %.200s %w", search, status, body, err)
	}
	root, err := fhir.Parse(body)
	if err != nil {
		return 0, err
	}
	if entries := root.Get("entry").Len(); strconv.Itoa(entries) != root.Get("total").Text() {
		return 0, fmt.Errorf("%s: total %s but %d entries", search, root.Get("total").Text(), entries)
	}
	return strconv.Atoi(root.Get("total").Text())
}

func concurrently(work []string, do func(string)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(work); i = int(next.Add(1)) - 1 {
				do(work[i])
			}
		})
	}
	all.Wait()
}

// The server is killed at a random moment under load, again and again on the same store: what was answered is there, transactions are whole or absent, and
// conditional creates made one resource.
func TestKill(t *testing.T) {
	rounds := 3
	if text := os.Getenv("FIRTH_KILL_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	dir := place(t)
	whole := newJournal()
	var p *firthtest.Process
	for round := range rounds {
		p = serve(t, dir)
		whole.loadAndKill(p, t, round, random)
		before := time.Now()
		p = serve(t, dir)
		whole.verify(t, p.Base)
		t.Logf("seed %d, round %d: %d creates, %d conditional creates, %d transactions acknowledged or tried so far; recovered and checked in %v",
			seed, round, len(whole.created), len(whole.conditional), len(whole.transactions), time.Since(before).Round(time.Millisecond))
		p.Kill(t)
		if t.Failed() {
			return
		}
	}
}

// loadAndKill runs a dozen writers for up to a second and kills the server while they work.
func (j *journal) loadAndKill(p *firthtest.Process, t *testing.T, round int, random *rand.Rand) {
	var writers sync.WaitGroup
	for i := range 12 {
		w := &writer{base: p.Base, journal: j, random: rand.New(rand.NewPCG(random.Uint64(), uint64(i))),
			name: fmt.Sprintf("r%d-w%d", round, i), keys: fmt.Sprintf("r%d", round)}
		writers.Go(w.work)
	}
	// The time is the subject: wherever in their work they are.
	time.Sleep(time.Duration(50+random.IntN(950)) * time.Millisecond)
	p.Kill(t)
	writers.Wait()
}
