package lbs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// DefaultTTL is how long clients keep an answer: a moved access point is found
// within minutes, and a client that reconnects often seldom asks.
const DefaultTTL = 5 * time.Minute

const (
	// attemptDelay is RFC 8305 §8's recommendation.
	attemptDelay = 250 * time.Millisecond
	// retryAfter is what a client is asked to wait after code 503.
	retryAfter = 2 * time.Second
)

// Config is what a Server needs. Key and Tenant are required.
type Config struct {
	// Key is the Link public key in its text form.
	Key string
	// Tenant returns nil when the appkey exists. A *wire.Error with a temporary
	// code means that it cannot be known now; any other error that it does not
	// exist.
	Tenant func(ctx context.Context, appKey string) error
	// TTL defaults to DefaultTTL.
	TTL time.Duration
	// Now defaults to time.Now.
	Now        func() time.Time
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil does not register
}

// Server answers LBS requests. The access points come with each Handler, since
// they change with the configuration.
type Server struct {
	cfg      Config
	requests *prometheus.CounterVec
}

// New makes a Server.
func New(cfg Config) *Server {
	if cfg.TTL == 0 {
		cfg.TTL = DefaultTTL
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "yizhan_lbs_requests_total",
		Help: "LBS requests by result code and the client's platform.",
	}, []string{"code", "platform"})}
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(s.requests)
	}
	return s
}

// Handler answers with points, which must be valid (see Validate) and must not
// change. It costs nothing to make.
func (s *Server) Handler(points []AccessPoint) http.Handler {
	return handler{s, points}
}

type handler struct {
	*Server
	points []AccessPoint
}

// ServeHTTP implements http.Handler.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	// Browsers ask from any origin. The answer holds nothing that depends on who
	// they are, and no cookie or credential is looked at.
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("X-Content-Type-Options", "nosniff")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.answer(w, r)
	case http.MethodOptions:
		header.Set("Allow", allowedMethods)
		header.Set("Access-Control-Allow-Methods", allowedMethods)
		header.Set("Access-Control-Allow-Headers", "*")
		header.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	default:
		header.Set("Allow", allowedMethods)
		h.refuse(w, r, query{}, http.StatusMethodNotAllowed, wire.Errorf(wire.CodeForbidden, "use GET"))
	}
}

const allowedMethods = "GET, HEAD, OPTIONS"

func (h handler) answer(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		h.refuse(w, r, query{}, http.StatusBadRequest, err)
		return
	}
	if err := h.cfg.Tenant(r.Context(), q.appKey); err != nil {
		h.refuseTenant(w, r, q, err)
		return
	}
	points := chooseFor(q, h.points, r.Host)
	if len(points) == 0 {
		h.refuse(w, r, q, http.StatusNotFound, wire.Errorf(wire.CodeNotFound,
			"no access point for env %q and transport %q", q.env, q.transport))
		return
	}
	h.count(wire.CodeOK, q)
	// Private: the answer may name the host by which this client came.
	w.Header().Set("Cache-Control", "private, max-age="+strconv.Itoa(seconds(h.cfg.TTL)))
	write(w, r, http.StatusOK, Response{
		Code:         wire.CodeOK,
		AccessPoints: points,
		LinkKey:      h.cfg.Key,
		TTL:          seconds(h.cfg.TTL),
		ServerTimeMs: h.cfg.Now().UnixMilli(),
		ClientIP:     clientIP(r),
		Hints:        Hints{AttemptDelayMs: int(attemptDelay.Milliseconds())},
	})
}

// refuseTenant answers a failed look-up of the appkey.
func (h handler) refuseTenant(w http.ResponseWriter, r *http.Request, q query, err error) {
	var coded *wire.Error
	switch {
	case errors.As(err, &coded) && coded.Code == wire.CodeBusy:
		w.Header().Set("Retry-After", strconv.Itoa(seconds(retryAfter)))
		h.refuse(w, r, q, http.StatusServiceUnavailable, err)
	case errors.As(err, &coded) && !coded.Code.Temporary():
		h.refuse(w, r, q, http.StatusNotFound, wire.Errorf(wire.CodeNotFound, "unknown appkey"))
	default:
		h.cfg.Logger.Error("lbs: looking up an appkey failed", "appkey", q.appKey, "error", err)
		h.refuse(w, r, q, http.StatusInternalServerError, wire.Errorf(wire.CodeServerError, "the node failed; its log tells why"))
	}
}

func (h handler) refuse(w http.ResponseWriter, r *http.Request, q query, status int, err error) {
	code := wire.CodeOf(err)
	h.count(code, q)
	h.cfg.Logger.Debug("lbs: refused", "code", int(code), "appkey", q.appKey, "version", q.version, "remote", r.RemoteAddr, "error", err)
	desc := code.Meaning()
	var coded *wire.Error
	if errors.As(err, &coded) && coded.Note != "" {
		desc = coded.Note
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, r, status, ErrorResponse{Code: code, Desc: desc})
}

func (h handler) count(code wire.Code, q query) {
	h.requests.WithLabelValues(code.String(), platformName(q.platform)).Inc()
}

func platformName(p wire.Platform) string {
	for name, known := range platforms {
		if p == known {
			return name
		}
	}
	return "unknown"
}

// write sends v as JSON. The client may be gone: there is nobody to tell.
func write(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "encoding the answer failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b)
	}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// clientIP is the address that the request came from, "" when it is not known.
func clientIP(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return from.Addr().Unmap().WithZone("").String()
}
