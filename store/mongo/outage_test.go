package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/mongoproxy"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// openHasty opens a store that waits little for a server, which on a busy machine takes more than one try.
func openHasty(ctx context.Context, uri string, opts mongo.Options) (*mongo.Store, error) {
	for begun := time.Now(); ; {
		s, err := mongo.Open(ctx, uri, opts)
		if err == nil || time.Since(begun) > time.Minute {
			return s, err
		}
	}
}

// outageStore opens a store behind a proxy on a database with a Patient, and has it write that. With transactions FerretDB is made to look like a replica set.
func outageStore(t *testing.T, transactions bool, within time.Duration, adjust ...func(*mongo.Options)) (*mongo.Store, *mongoproxy.Proxy, string) {
	t.Helper()
	target, uri := proxyTarget(t), serverURI(t)
	if transactions && !real() {
		pretender := newProxy(t)
		target, uri = pretender.listener.Addr().String(), pretender.uri(t)
	}
	proxy, err := mongoproxy.Start(target)
	if err != nil {
		t.Fatal(err)
	}
	if uri, err = mongoproxy.Through(uri, proxy.Address()); err != nil {
		t.Fatal(err)
	}
	name := database(t)
	first := open(t, mongo.Options{Database: name}) // makes collections and indexes, however long it takes
	_, err = first.Apply(t.Context(), []store.Op{writeOp(t, store.Update, "Patient", "a", "first")})
	if err = errors.Join(err, first.Close()); err != nil {
		t.Fatal(err)
	}
	opts := mongo.Options{Database: name, AllowStandalone: !real(), SelectWithin: within, Timeout: 10 * time.Second}
	for _, change := range adjust {
		change(&opts)
	}
	s, err := openHasty(t.Context(), uri, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close() // the proxy may be gone
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Apply(t.Context(), []store.Op{writeOp(t, store.Update, "Patient", "a", "a")}); err != nil {
		t.Fatal(err)
	}
	return s, proxy, name
}

// A transaction in an outage ends as soon as a single write does, and holds no room longer.
func TestOutageTransaction(t *testing.T) {
	s, proxy, _ := outageStore(t, true, 500*time.Millisecond)
	ops := []store.Op{writeOp(t, store.Update, "Patient", "a", "b"), writeOp(t, store.Update, "Patient", "b", "b")}
	if _, err := s.Apply(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	proxy.Refuse(true)
	for range 2 {
		began := time.Now()
		_, err := s.Apply(t.Context(), ops)
		if took := time.Since(began); !errors.Is(err, store.ErrBusy) || took > 10*time.Second {
			t.Errorf("told %v after %s", err, took)
		}
	}
}

// Who gives up while nothing has been sent is told so at once.
func TestOutageGivenUp(t *testing.T) {
	s, proxy, _ := outageStore(t, false, 8*time.Second)
	proxy.Refuse(true)
	impatient := func(method store.Method, id string) (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := s.Apply(ctx, []store.Op{writeOp(t, method, "Patient", id, id)})
		return time.Since(began), err
	}
	for _, method := range []store.Method{store.Update, store.Create} { // the first finds out about the outage
		if took, err := impatient(method, "a"+strconv.Itoa(int(method))); !errors.Is(err, context.DeadlineExceeded) || took > 7*time.Second {
			t.Errorf("method %d: told %v after %s", method, err, took)
		}
	}
}

// A write whose place was taken, maybe by itself, is not "nothing was done" when nobody can be asked.
func TestOutageTaken(t *testing.T) {
	s, proxy, _ := outageStore(t, false, 500*time.Millisecond)
	struck := false
	proxy.Script(func(c mongoproxy.Command) mongoproxy.Action {
		struck = struck || c.Name == "insert"
		return mongoproxy.Action{Cut: map[bool]mongoproxy.Point{true: mongoproxy.Before}[struck && c.Name == "find"], Crash: true}
	})
	_, err := s.Apply(t.Context(), []store.Op{writeOp(t, store.Create, "Patient", "a", "again")})
	if !errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrBusy) {
		t.Errorf("told %v", err)
	}
}

// Who sent a write and waited in vain is not told that nothing was done: what came of it is found out, or nobody knows.
func TestOutageSilence(t *testing.T) {
	s, proxy, _ := outageStore(t, false, 5*time.Second, func(o *mongo.Options) { o.Timeout = 2 * time.Second })
	for _, c := range []struct {
		command string
		method  store.Method
		id      string
	}{{"insert", store.Create, "silent"}, {"update", store.Update, "a"}} {
		proxy.Script(func(sent mongoproxy.Command) mongoproxy.Action {
			return mongoproxy.Action{Late: map[bool]time.Duration{true: 5 * time.Second}[sent.Name == c.command && sent.Collection == "Patient"]}
		})
		results, err := s.Apply(t.Context(), []store.Op{writeOp(t, c.method, "Patient", c.id, "silent")})
		if err != nil || len(results) != 1 {
			t.Errorf("%s: told %v", c.command, err)
		}
	}
}

// Who gives up while a transaction is committed is not told that nothing was done when nobody knows.
func TestOutageCommit(t *testing.T) {
	s, proxy, _ := outageStore(t, true, 500*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	proxy.Arm(mongoproxy.Fault{Names: []string{"commitTransaction"}, Nth: 1, Action: mongoproxy.Action{Cut: mongoproxy.After, Crash: true, Meanwhile: cancel}})
	_, err := s.Apply(ctx, []store.Op{writeOp(t, store.Update, "Patient", "a", "b"), writeOp(t, store.Update, "Patient", "b", "b")})
	if !errors.Is(err, store.ErrUnknown) {
		t.Errorf("told %v", err)
	}
}

// An interrupted call of Restore is completed by the same versions, also in smaller parts, and by nothing less; what else is older than the store stays refused.
func TestOutageRestore(t *testing.T) {
	parallel(t)
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	var all []store.Restored
	for i, id := range []string{"p", "g", "q", "p", "g", "p"} {
		typ := map[string]string{"p": "Patient", "g": "Group", "q": "Patient"}[id]
		r := store.Restored{Op: writeOp(t, store.Update, typ, id, fmt.Sprint(id, i)), LastUpdated: at.Add(time.Duration(i/2) * time.Millisecond)}
		number := 1
		for j := range all {
			if all[j].Key == r.Key {
				number++
			}
		}
		r.Version = strconv.Itoa(number)
		all = append(all, r)
	}
	for _, size := range []int{1, 4, len(all)} {
		for _, nth := range []int{2, 4, 6} { // of the commands that write; the first is the record
			t.Run(fmt.Sprintf("command %d, parts of %d", nth, size), func(t *testing.T) {
				parallel(t)
				name := database(t)
				s := open(t, mongo.Options{Database: name})
				defer s.Close()
				if err := s.Restore(t.Context(), all[:1]); err != nil {
					t.Fatal(err)
				}
				proxy, err := mongoproxy.Start(proxyTarget(t))
				if err != nil {
					t.Fatal(err)
				}
				defer proxy.Close()
				uri, err := mongoproxy.Through(serverURI(t), proxy.Address())
				if err != nil {
					t.Fatal(err)
				}
				weak, err := openHasty(t.Context(), uri, mongo.Options{Database: name, AllowStandalone: !real(), SelectWithin: 500 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				proxy.Arm(mongoproxy.Fault{Names: []string{"insert", "update"}, Nth: nth, Action: mongoproxy.Action{Cut: mongoproxy.Before, Crash: true}})
				if err := weak.Restore(t.Context(), all); !errors.Is(err, store.ErrUnknown) {
					t.Errorf("cut off: %v", err)
				}
				_ = weak.Close() // it is cut off
				older := all[0]
				older.Key.ID, older.LastUpdated = "older", at.Add(-time.Second)
				if err := s.Restore(t.Context(), []store.Restored{older}); !errors.Is(err, store.ErrConflict) {
					t.Errorf("older than the store: %v", err)
				}
				for from := 0; from < len(all); from += size {
					if err := s.Restore(t.Context(), all[from:min(from+size, len(all))]); err != nil {
						t.Fatalf("from %d: %v", from, err)
					}
				}
				sameArchive(t, s, all)
				between := all[1]
				between.Key.ID = "between"
				if err := s.Restore(t.Context(), []store.Restored{between}); !errors.Is(err, store.ErrConflict) {
					t.Errorf("older than what is complete: %v", err)
				}
			})
		}
	}
}

// sameArchive compares an export with what was restored.
func sameArchive(t *testing.T, s *mongo.Store, all []store.Restored) {
	t.Helper()
	page, err := s.Export(t.Context(), store.ExportQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, v := range page.Versions {
		got = append(got, v.Key.String())
	}
	for i := range all {
		want = append(want, all[i].VersionKey().String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
