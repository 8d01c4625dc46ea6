package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

// ErrUnavailable says that keys could not be fetched: who signed is not known, which is no fault of the signature.
var ErrUnavailable = errors.New("keys cannot be fetched")

// Times of a [Fetcher].
const (
	fetchTimeout = 5 * time.Second
	defaultAge   = 5 * time.Minute // of a set whose answer says nothing of caching
	maxAge       = time.Hour
	pause        = 10 * time.Second // between two fetches of one URL that a kid nobody knows, or a failure, asks for
	maxURLs      = 10_000           // remembered
)

// Fetcher keeps JWK Sets of others by URL. It is for concurrent use.
type Fetcher struct {
	client *http.Client
	clock  func() time.Time

	flights singleflight.Group
	mu      sync.Mutex
	sets    map[string]*fetched
}

// fetched is what is known of one URL. It is not changed, but replaced.
type fetched struct {
	set     *Set // nil: never fetched
	until   time.Time
	asked   time.Time // when it was fetched last, or tried
	problem error     // of the last try
}

// NewFetcher returns a Fetcher that asks with a client of [NewClient].
func NewFetcher(client *http.Client, clock func() time.Time) *Fetcher {
	return &Fetcher{client: client, clock: clock, sets: map[string]*fetched{}}
}

// Key returns the one key of a set behind a URL that has an id and fits an algorithm. A set is kept as long as its answer's Cache-Control allows and an hour at most; an id that it does not
// have lets it be fetched again, not more often than every ten seconds. ErrUnavailable.
func (f *Fetcher) Key(ctx context.Context, address, id string, algorithm jose.SignatureAlgorithm) (*jose.JSONWebKey, error) {
	known := f.known(address)
	now := f.clock()
	if known.set != nil && now.Before(known.until) {
		key, err := known.set.key(id, algorithm)
		if !errors.Is(err, errNoKey) || now.Sub(known.asked) < pause {
			return key, err
		}
	} else if known.problem != nil && now.Sub(known.asked) < pause {
		return nil, known.problem
	}
	set, err := f.fetch(ctx, address, known)
	if err != nil {
		return nil, err
	}
	return set.key(id, algorithm)
}

// known is never nil.
func (f *Fetcher) known(address string) *fetched {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.sets[address]; known != nil {
		return known
	}
	return &fetched{}
}

// fetch gets a set that is newer than what is known; calls at the same time share one request, which goes on when one of them gives up.
func (f *Fetcher) fetch(ctx context.Context, address string, known *fetched) (*Set, error) {
	result := f.flights.DoChan(address, func() (any, error) {
		if now := f.known(address); now != known && !now.asked.IsZero() { // another request has ended since the caller looked
			return now.set, now.problem
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		asked := f.clock()
		set, age, err := f.get(ctx, address)
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.sets) >= maxURLs && f.sets[address] == nil {
			clear(f.sets)
		}
		f.sets[address] = &fetched{set: set, until: asked.Add(age), asked: asked, problem: err}
		return set, err
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Set), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// get is one request. Whatever goes wrong is ErrUnavailable, without what the other side said.
func (f *Fetcher) get(ctx context.Context, address string) (*Set, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: the URL is not valid", ErrUnavailable)
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	response, err := f.client.Do(request)
	if err != nil {
		var refused *RefusedError
		if errors.As(err, &refused) {
			return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, refused)
		}
		return nil, 0, fmt.Errorf("%w: no answer", ErrUnavailable)
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end, or is of no use
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("%w: status %d", ErrUnavailable, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxSetBytes+1))
	if err != nil {
		return nil, 0, fmt.Errorf("%w: the answer broke off", ErrUnavailable)
	}
	set, err := ParseSet(body)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return set, lifetime(response.Header), nil
}

// lifetime is how long an answer may be kept (RFC 9111 section 5.2.2); a set that must not be kept at all is asked for each time.
func lifetime(h http.Header) time.Duration {
	age, said := defaultAge, false
	for _, line := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
				if err != nil {
					return 0
				}
				if asked := time.Duration(seconds) * time.Second; !said || asked < age {
					age, said = asked, true
				}
			}
		}
	}
	if passed, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil && said {
		age -= time.Duration(passed) * time.Second
	}
	return max(0, min(age, maxAge))
}

// CheckURL refuses what no [Fetcher] will ask: a URL that is not absolute, not https (http is for loopback, with a client that may), or has a user, or a fragment.
func CheckURL(address string, mayBePrivate bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("not an absolute URL")
	case u.Scheme != "https" && !(mayBePrivate && u.Scheme == "http"):
		return errors.New("not an https URL")
	case u.User != nil || u.Fragment != "" || strings.Contains(address, "#"):
		return errors.New("a URL with a user or a fragment")
	}
	return nil
}
