package server

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/terminology"
	"github.com/firth-health/firth/fhir/validate"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Mount is the path of the FHIR service below the root of the listener.
const Mount = "/fhir"

// Server answers HTTP. It is safe for concurrent use; make one with [New].
type Server struct {
	store         store.Store
	search        *search.Registry
	definitions   *spec.Definitions
	adapters      *adapters.Registry
	authenticator Authenticator
	auditor       Auditor
	validator     *validate.Validator
	oauth         *OAuth
	validation    Validation
	codes         *terminology.Terminology // of the definitions

	log          *slog.Logger
	clock        func() time.Time
	newID        func() string
	limits       Limits
	version      string
	links        links
	origins      origins
	hosts        hosts
	explains     bool
	transactions bool // whether the store has them

	table            []*interaction
	batchInteraction *interaction
	operations       []*operation
	engine           *gin.Engine
	metrics          *metrics
	buffers          sync.Pool // of *bufio.Writer
	compressors      compressors
	statements       statements
	indexed          definitionIndexes
	jobs             jobs
	parameters       *parameters // nil where the store cannot reindex
	isDraining       atomic.Bool
	deciding         sync.WaitGroup // finds out which Consents refused
}

// New builds a server. It fails when the configuration lacks something or contradicts itself.
func New(config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		store: config.Store, search: config.Search, definitions: config.Definitions, adapters: config.Adapters,
		authenticator: config.Authenticator, auditor: config.Auditor,
		log: config.Logger, clock: config.Clock, newID: config.IDs, limits: config.Limits, version: config.Version,
		validator: validate.New(config.Definitions), validation: config.Validation, codes: terminology.New(config.Definitions),
		links: links{base: config.BaseURL}, origins: origins{config.Origins, config.ClientOrigins}, oauth: config.OAuth, explains: config.Explain, transactions: true,
	}
	if t, ok := store.Unwrap(s.store).(store.Transactional); ok {
		s.transactions = t.Transactions()
	}
	if s.authenticator == nil {
		s.authenticator = anybody{}
	}
	if config.OwnHostsOnly {
		s.hosts = ownHosts(config.BaseURL)
	}
	s.operations = s.operationTable()
	ofOperations, err := s.operationInteractions()
	if err != nil {
		return nil, err
	}
	s.table = append(s.interactions(), ofOperations...)
	for _, in := range s.table {
		if in.name == "batch" {
			s.batchInteraction = in
		}
	}
	s.metrics = newMetrics(s.store)
	if err := s.startParameters(config.Refresh); err != nil {
		return nil, err
	}
	s.engine = s.newEngine()
	return s, nil
}

// Handler serves everything: /fhir, /ingest, /healthz, /readyz and /metrics.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.Path; len(path) > 1 && path[len(path)-1] == '/' {
			r = withoutFinalSlash(r)
		}
		if s.hosts.allow(r.Host) && s.origins.cors(w, r) {
			return
		}
		s.engine.ServeHTTP(w, r)
	})
}

// withoutFinalSlash is a copy of the request for the same address without slashes at its end.
func withoutFinalSlash(r *http.Request) *http.Request {
	address, changed := *r.URL, *r
	address.Path = "/" + strings.Trim(address.Path, "/")
	changed.URL = &address
	return &changed
}

// Drain makes /readyz say no, so that a load balancer sends nothing new while the http.Server shuts down, and ends what runs in the background.
func (s *Server) Drain() {
	s.isDraining.Store(true)
	s.jobs.stop()
	if s.parameters != nil {
		s.parameters.jobs.stop()
	}
}

// Close tells other servers on the store that this one is gone. It is for after [Server.Drain], when no request is under way any more, before the store is closed; without it they find out
// within a minute.
func (s *Server) Close() error {
	s.deciding.Wait()
	if s.parameters == nil {
		return nil
	}
	return s.parameters.leave()
}

func (s *Server) newEngine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false
	engine.RedirectFixedPath = false
	engine.HandleMethodNotAllowed = true
	engine.ForwardedByClientIP = false
	if s.hosts != "" {
		engine.Use(s.checkHost)
	}
	for _, in := range s.table {
		if in.method == "" {
			continue
		}
		path := in.path
		if in.level != operational {
			path = strings.TrimSuffix(Mount+in.path, "/")
		}
		engine.Handle(in.method, path, s.route(in))
		if in.method == http.MethodGet {
			engine.HEAD(path, s.route(in))
		}
	}
	engine.GET("/metrics", gin.WrapH(s.metrics.handler()))
	engine.NoRoute(func(c *gin.Context) { s.unrouted(c, noRoute) })
	engine.NoMethod(func(c *gin.Context) { s.unrouted(c, notAllowed) }) // gin has set Allow
	return engine
}

// unrouted sends a request that no interaction takes through the pipeline.
func (s *Server) unrouted(c *gin.Context, why func(method, path, allow string) error) {
	method, path, allow := c.Request.Method, c.Request.URL.Path, c.Writer.Header().Get("Allow")
	in := &interaction{name: "none", level: operational, open: true, handle: func(*exchange) (reply, error) {
		if strings.HasPrefix(path[strings.LastIndexByte(path, '/')+1:], "$") {
			return reply{}, s.unknownOperation(strings.TrimPrefix(path, Mount+"/"), method)
		}
		if s.oauth == nil && (strings.HasPrefix(path, "/"+wellKnown+"/") || strings.HasPrefix(path, "/auth/")) {
			return reply{}, s.unprotected()
		}
		return reply{}, why(method, strings.TrimPrefix(path, Mount+"/"), allow)
	}}
	s.serve(c.Writer, c.Request, &exchange{interaction: in})
}

func noRoute(_, path, _ string) error {
	return refuse(http.StatusNotFound, fhir.CodeNotSupported, "", "%q is not an address of this server; FHIR is at %s", printable(path), Mount)
}

// notAllowed refuses a method and says which there are.
func notAllowed(method, path, allow string) error {
	return &refusal{status: http.StatusMethodNotAllowed, allow: allow, outcome: fhir.Invalidf(fhir.CodeNotSupported, "", "%s is not supported at %s; allowed here: %s", printable(method), printable(path), allow)}
}
