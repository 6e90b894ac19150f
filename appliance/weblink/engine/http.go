package engine

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// refusal is an error of the reference implementation, with its number. Clients
// only tell that there was one; people who debug see the text.
type refusal struct {
	status int
	body   string
}

var (
	unknownTransport   = refusal{http.StatusBadRequest, `{"code":0,"message":"Transport unknown"}`}
	unknownSID         = refusal{http.StatusBadRequest, `{"code":1,"message":"Session ID unknown"}`}
	badHandshakeMethod = refusal{http.StatusBadRequest, `{"code":2,"message":"Bad handshake method"}`}
	badRequest         = refusal{http.StatusBadRequest, `{"code":3,"message":"Bad request"}`}
	forbidden          = refusal{http.StatusForbidden, `{"code":4,"message":"Forbidden"}`}
	unsupportedVersion = refusal{http.StatusBadRequest, `{"code":5,"message":"Unsupported protocol version"}`}

	// Not in the reference.
	tooLarge    = refusal{http.StatusRequestEntityTooLarge, `{"code":3,"message":"Body larger than maxPayload"}`}
	unavailable = refusal{http.StatusServiceUnavailable, `{"code":3,"message":"No more sessions are accepted here now"}`}
)

// retryAfter is what a client that is refused for want of room is told to wait.
const retryAfter = 5 * time.Second

func (f refusal) answer(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
	w.WriteHeader(f.status)
	_, _ = w.Write([]byte(f.body))
}

// ServeHTTP implements http.Handler. The path does not matter; r.RemoteAddr is
// taken for the client's address.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o := s.options.Load()
	if !o.admit(w, r) {
		s.refuse(w, r, openOrigin, forbidden)
		return
	}
	if r.Method == http.MethodOptions {
		answerPreflight(w, r)
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	transport := query.Get("transport")
	switch {
	case err != nil:
		s.refuse(w, r, openRefused, badRequest)
	case transport != transportPolling && transport != transportWebSocket:
		s.refuse(w, r, openRefused, unknownTransport)
	case query.Get("EIO") != "4":
		s.refuse(w, r, openRefused, unsupportedVersion)
	case query.Get("sid") != "":
		s.serveSession(w, r, transport, query.Get("sid"))
	case r.Method != http.MethodGet:
		s.refuse(w, r, openRefused, badHandshakeMethod)
	case transport == transportPolling:
		s.openPolling(w, r, o)
	case r.Header.Get("Upgrade") == "":
		s.refuse(w, r, openRefused, badRequest)
	default:
		s.openWebSocket(w, r, o)
	}
}

// serveSession handles a request that names its session.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request, transport, name string) {
	c := s.sids.find(name)
	switch {
	case c == nil:
		s.log.Debug("weblink: request for an unknown session", "remote", r.RemoteAddr)
		unknownSID.answer(w)
	case transport == transportPolling && r.Method == http.MethodGet:
		c.poll(w, r)
	case transport == transportPolling && r.Method == http.MethodPost:
		c.post(w, r)
	case transport == transportWebSocket && r.Method == http.MethodGet && r.Header.Get("Upgrade") != "":
		c.probe(w, r)
	default:
		badRequest.answer(w)
	}
}

// refuse answers a request that opens no session.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, result string, f refusal) {
	s.metrics.opens.WithLabelValues(result).Inc()
	s.log.Debug("weblink: request refused", "remote", r.RemoteAddr, "result", result)
	f.answer(w)
}

// Busy refuses r, which would open a session, as when Options.MaxConnections are
// open: for what the caller has too many of.
func (s *Server) Busy(w http.ResponseWriter, r *http.Request) {
	if !s.options.Load().admit(w, r) {
		s.refuse(w, r, openOrigin, forbidden)
		return
	}
	s.refuse(w, r, openFull, unavailable)
}

// remoteAddr is the client's address, zero when r has none.
func remoteAddr(r *http.Request) netip.AddrPort {
	addr, _ := netip.ParseAddrPort(r.RemoteAddr)
	return addr
}
