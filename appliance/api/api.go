package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/files"
	"github.com/yizhan-im/yizhan/appliance/lbs"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Options are what New may be given beside the application.
type Options struct {
	// Files takes what backends upload; nil takes nothing.
	Files *files.Server
	// Healthy says why this node must be restarted; nil is always healthy.
	Healthy    func() error
	Now        func() time.Time      // nil is time.Now
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil does not register
}

// API serves tenants' backends by its Handlers.
type API struct {
	app      *app.App
	files    *files.Server
	healthy  func() error
	now      func() time.Time
	log      *requestLog
	metrics  *metrics
	limiter  *limiter
	requests *replayGuard
	exports  chan struct{} // one token for each export that is streamed
}

// New makes an API of the application.
func New(a *app.App, o Options) *API {
	if o.Healthy == nil {
		o.Healthy = func() error { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := newMetrics(o.Registerer)
	return &API{
		app:      a,
		files:    o.Files,
		healthy:  o.Healthy,
		now:      o.Now,
		log:      newRequestLog(o.Logger),
		metrics:  m,
		limiter:  newLimiter(),
		requests: newReplayGuard(maxRemembered, m.forgotten.Inc),
		exports:  make(chan struct{}, maxExports),
	}
}

const (
	pathPrefix   = "/nimserver"
	pathSuffix   = ".action"
	livenessPath = "/health/liveness.action"

	// maxBody bounds a request's body, in bytes. The largest legitimate one, a
	// batch message with every parameter at its limit and each byte
	// percent-encoded, needs less.
	maxBody = 512 << 10

	// callTimeout bounds the wait for the store: then code 503 is better than a
	// connection that hangs.
	callTimeout = 10 * time.Second
)

// Handler returns the handler of
//
//	POST /nimserver/<group>/<name>.action
//	GET  /nimserver/health/liveness.action
//	GET  /nimserver/docs/
//
// all also without /nimserver, for a proxy that strips it. Clients are sent to
// points, which must be valid (lbs.Validate) and must not change. It costs nothing
// to make.
func (a *API) Handler(points []lbs.AccessPoint) http.Handler { return handler{a, points} }

type handler struct {
	*API
	points []lbs.AccessPoint
}

// ServeHTTP implements http.Handler.
func (a handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, pathPrefix)
	if path == livenessPath {
		a.liveness(w)
		return
	}
	if name, ok := strings.CutPrefix(path, docsPath); ok && (name == "" || name[0] == '/') {
		a.serveDocs(w, r, name)
		return
	}
	start := a.now()
	name := actionName(path)
	act := actions[name]
	req := &request{http: r, id: requestID(r), points: a.points}
	payload, err := a.serve(w, req, act, name)
	if act == nil {
		name = "unknown" // a label must not be chosen by a client
	}
	var code wire.Code
	if run, ok := payload.(*exportRun); ok && err == nil {
		code = run.write(w, r)
	} else {
		code = respond(w, payload, err)
	}
	elapsed := a.now().Sub(start)
	a.metrics.observe(name, code, elapsed)
	a.log.served(req, name, code, elapsed, err)
}

// actionName is the "user/create" of "/user/create.action", "" for another path.
func actionName(path string) string {
	name, ok := strings.CutSuffix(path, pathSuffix)
	if !ok {
		return ""
	}
	return strings.TrimPrefix(name, "/")
}

// request is one HTTP request on its way through the steps of serve.
type request struct {
	http   *http.Request
	id     string // of requestID
	points []lbs.AccessPoint
	caller *caller
}

// serve runs one action; the error's code goes into the answer.
func (a *API) serve(w http.ResponseWriter, req *request, act *action, name string) (any, error) {
	r := req.http
	if r.Method != http.MethodPost {
		return nil, wire.Errorf(wire.CodeBadParameter, "use POST, not %s", r.Method)
	}
	caller, err := a.authenticate(r)
	if err != nil {
		return nil, err
	}
	req.caller = caller
	if act == nil {
		return nil, unknownAction(name)
	}
	if wait, ok := a.limiter.allow(caller.tenant, act, a.now()); !ok {
		return nil, &limited{name: act.name, wait: wait}
	}
	c := &call{tenant: caller.tenant, http: r, points: req.points}
	body, end, err := a.read(w, r, act, c)
	defer end()
	if err != nil {
		return nil, err
	}
	keys := requestKeys(caller, act.name, req.id, body)
	if !a.requests.claim(keys, a.now()) {
		return nil, wire.Errorf(wire.CodeDuplicate, "this request has been received before; send each one with a fresh Nonce and RequestId")
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	c.id = keys.clientID()
	payload, err := act.serve(a, ctx, c)
	if wire.CodeOf(err).Temporary() {
		a.requests.release(keys)
	}
	return payload, err
}

// read reads the body into c. It returns what stands for the body among the calls
// that have been served, and what the caller does when it needs c no more.
func (a *API) read(w http.ResponseWriter, r *http.Request, act *action, c *call) (body string, end func(), err error) {
	end = func() {}
	if act.upload == noUpload {
		if body, err = readForm(w, r); err == nil {
			c.args, err = parseForm(body, act.params)
		}
		return body, end, err
	}
	if a.files == nil {
		return "", end, wire.Errorf(wire.CodeNotFound, "this node takes no files")
	}
	if c.upload, err = a.files.Accept(w, r, c.tenant.ID, c.appKey()); err != nil {
		return "", end, err
	}
	upload, err := readUpload(w, r, act.upload, c.upload)
	if err != nil {
		return "", c.upload.End, err
	}
	c.uploadName = upload.name
	c.args, err = parseValues(upload.values, act.params)
	return upload.key(), c.upload.End, err
}

// readForm reads a form-urlencoded body.
func readForm(w http.ResponseWriter, r *http.Request) (string, error) {
	if header := r.Header.Get("Content-Type"); header != "" {
		kind, _, err := mime.ParseMediaType(header)
		if err != nil || kind != formType {
			return "", errFormType
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "", wire.Errorf(wire.CodeBadParameter, "the body is larger than %d bytes", maxBody)
	case err != nil:
		return "", wire.Errorf(wire.CodeNetwork, "the body ended too early")
	}
	return string(body), nil
}

const formType = "application/x-www-form-urlencoded"

var errFormType = wire.Errorf(wire.CodeBadParameter, "Content-Type must be %s;charset=utf-8", formType)

// liveness answers whoever watches this process: HTTP 200, or 503 when the node
// must be restarted.
func (a *API) liveness(w http.ResponseWriter) {
	if err := a.healthy(); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	respond(w, nil, nil)
}
