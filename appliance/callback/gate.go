package callback

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/limitlog"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Options say how to ask. Zero or negative fields take the defaults.
type Options struct {
	// Concurrency is how many questions of one tenant may be under way at once.
	// Default 64.
	Concurrency int
	// MaxWaiting is how many more of one tenant may wait for their turn, for half
	// of the tenant's timeout; beyond both there is no answer. Default 4096.
	MaxWaiting int
	// MinPause and MaxPause bound how long a backend that does not answer is left
	// alone; see breaker. Defaults 5 s and 60 s.
	MinPause, MaxPause time.Duration
	// Roots are the certificate authorities trusted for https. nil: the system's.
	Roots *x509.CertPool

	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil does not register
}

// Defaults of Options.
const (
	defaultConcurrency = 64
	defaultMaxWaiting  = 4096
	defaultMinPause    = 5 * time.Second
	defaultMaxPause    = time.Minute
)

// Gate asks. Its methods may be called from any goroutine.
type Gate struct {
	options   Options
	transport *http.Transport
	log       *limitlog.Logger
	metrics   *metrics

	mu      sync.RWMutex
	targets map[uint32]*target // guarded by mu, by tenant; at most one for each that has a callback
}

var _ app.Gate = (*Gate)(nil)

// New makes a Gate. Its owner calls Close when nobody asks any more.
func New(o Options) *Gate {
	setDefault(&o.Concurrency, defaultConcurrency)
	setDefault(&o.MaxWaiting, defaultMaxWaiting)
	setDefault(&o.MinPause, defaultMinPause)
	setDefault(&o.MaxPause, max(defaultMaxPause, o.MinPause))
	return &Gate{
		options:   o,
		transport: newTransport(o),
		log:       limitlog.New(o.Logger),
		metrics:   newMetrics(o.Registerer),
		targets:   map[uint32]*target{},
	}
}

func setDefault[N int | time.Duration](v *N, def N) {
	if *v <= 0 {
		*v = def
	}
}

// Close drops the connections that nothing is asked on.
func (g *Gate) Close() { g.transport.CloseIdleConnections() }

// Ask implements app.Gate.
func (g *Gate) Ask(ctx context.Context, t *state.Tenant, q *app.Question) error {
	question, asked := questionOf(q)
	if !asked {
		return nil // there is no number for it
	}
	event := eventName(q.Event)
	a, err := g.ask(ctx, t, question)
	if err != nil {
		if ended := context.Cause(ctx); ended != nil {
			return ended
		}
		return g.unanswered(t, event, err)
	}
	change, served := a.change(q)
	if err := a.verdict(q.Event, served); err != nil {
		g.metrics.count(event, resultRefused)
		if !served {
			g.log.Warn("callback: an answer asks for a change that is not served: the operation was refused", "app_key", t.AppKey, "event", event)
		}
		return err
	}
	if q.Changed = change; change != nil {
		g.metrics.count(event, resultChanged)
		return nil
	}
	g.metrics.count(event, resultAllowed)
	return nil
}

// ask puts one question to the backend of t, when it is its turn.
func (g *Gate) ask(ctx context.Context, t *state.Tenant, question any) (*answer, error) {
	tg := g.target(t)
	if tg.breaker.rejects(time.Now()) {
		return nil, errPaused
	}
	limit := timeout(&t.Callback)
	if err := tg.enter(ctx, limit/2); err != nil {
		return nil, err
	}
	defer tg.leave()
	turn, ok := tg.breaker.begin(time.Now())
	if !ok {
		return nil, errPaused // it has opened while this one waited
	}
	// The backend has all of its time, however long the question has waited: else
	// one that is only busy would seem dead.
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeout)
	defer cancel()
	start := time.Now()
	a, err := g.post(ctx, t, question)
	g.metrics.seconds.Observe(time.Since(start).Seconds())
	switch cause := context.Cause(ctx); {
	case err == nil || cause == nil:
	case cause == errTimeout:
		err = errTimeout
	default:
		tg.breaker.abandon(turn) // the node stops: the backend is not to blame
		return nil, cause
	}
	g.tell(t, tg.breaker.end(turn, err != nil, time.Now()), err)
	return a, err
}

// timeout is how long the backend may take; a question waits half as long, at most,
// for its turn.
func timeout(c *state.Callback) time.Duration {
	if c.TimeoutMs <= 0 {
		return state.DefaultCallbackTimeoutMs * time.Millisecond
	}
	return time.Duration(c.TimeoutMs) * time.Millisecond
}

// errUnanswered is what the policy "closed" makes of a question without an
// answer. It is not a refusal by the backend, and must not look like one: who gets
// it tries again, and does not forget a good token.
var errUnanswered = wire.Errorf(wire.CodeBusy, "the tenant's backend did not answer; try again")

// unanswered decides by the tenant's policy.
func (g *Gate) unanswered(t *state.Tenant, event string, cause error) error {
	g.metrics.count(event, resultOf(cause))
	if t.Callback.FailClosed {
		return errUnanswered
	}
	return nil
}

// tell logs that a backend is left alone, or asked again.
func (g *Gate) tell(t *state.Tenant, change change, cause error) {
	switch {
	case change.opened:
		g.metrics.paused.Inc()
		g.log.Warn("callback: a tenant's backend does not answer and is left alone for a while", "app_key", t.AppKey,
			"pause", change.pause, "fail_closed", t.Callback.FailClosed, "error", describe(cause))
	case change.again:
		g.log.Warn("callback: a tenant's backend still does not answer", "app_key", t.AppKey,
			"pause", change.pause, "fail_closed", t.Callback.FailClosed, "error", describe(cause))
	case change.closed:
		g.metrics.paused.Dec()
		g.log.Info("callback: a tenant's backend answers again", "app_key", t.AppKey)
	case cause != nil:
		g.log.Info("callback: a question got no answer", "app_key", t.AppKey, "error", describe(cause))
	}
}
