package files

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"
)

// Prefix is where the service lives in a site. Clients and links know it: changing
// it breaks both.
const Prefix = "/files"

// The paths below Prefix.
const (
	pathGrant     = "grant"
	pathLinks     = "links"
	pathUpload    = "upload"  // in one request
	pathResumable = "uploads" // tus
	pathObject    = "o"
)

// maxJSON bounds the JSON of a request, in bytes.
const maxJSON = 32 << 10

// call is one request on its way.
type call struct {
	*setup
	s         *Server
	w         http.ResponseWriter
	r         *http.Request
	operation string // for metrics
	refusal   string // the name of an error that tusd has answered with
	principal Principal
	https     bool // addresses begin with https, whatever the request came by
}

// ServeHTTP serves one request under Prefix. r.RemoteAddr must be the client's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Serve(context.Background(), w, r)
}

// Serve is ServeHTTP for an HTTP server that ends: when stop is over it breaks
// transfers off, and what has come of a resumable upload stays.
func (s *Server) Serve(stop context.Context, w http.ResponseWriter, r *http.Request) {
	if !s.begun() {
		errStopping.write(w, r)
		return
	}
	defer s.work.Done()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	for _, over := range []context.Context{stop, s.ctx} {
		defer context.AfterFunc(over, func() { cancel(handler.ErrServerShutdown) })()
	}
	c := &call{setup: s.setup.Load(), s: s, w: w, r: r.WithContext(ctx), operation: "unknown"}
	err := c.serve()
	result := resultOK
	if c.refusal != "" {
		result = c.refusal
	}
	if err != nil {
		e, known := edge(err)
		if result = e.Name; !known {
			s.log.Error("files: a request failed", "operation", c.operation, "error", err)
		} else {
			s.clients.Debug("files: refused", "operation", c.operation, "result", e.Name, "note", e.Note, "remote", r.RemoteAddr)
		}
		e.write(w, r)
	}
	s.metrics.requests.WithLabelValues(c.operation, result).Inc()
}

func (c *call) serve() error {
	if c.Disabled {
		return errNotFound.noting("this site takes no files")
	}
	path, ok := strings.CutPrefix(c.r.URL.Path, Prefix+"/")
	if !ok {
		return errNotFound
	}
	part, rest, _ := strings.Cut(path, "/")
	preflight, err := c.cors()
	if err != nil || preflight {
		return err
	}
	c.w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case part == pathGrant && rest == "":
		return c.as("grant", c.grant, http.MethodPost)
	case part == pathLinks && rest == "":
		return c.as("links", c.links, http.MethodPost)
	case part == pathUpload && rest == "":
		return c.as("upload", c.upload, http.MethodPost, http.MethodPut)
	case part == pathResumable:
		return c.as("resumable", func() error { return c.resumable(rest) },
			http.MethodPost, http.MethodHead, http.MethodPatch, http.MethodDelete, http.MethodGet)
	case part == pathObject:
		if c.r.Method == http.MethodDelete {
			return c.as("delete", func() error { return c.delete(rest) }, http.MethodDelete)
		}
		return c.as("download", func() error { return c.download(rest) }, http.MethodGet, http.MethodHead)
	}
	return errNotFound
}

func (c *call) as(operation string, serve func() error, methods ...string) error {
	c.operation = operation
	if !slices.Contains(methods, c.r.Method) {
		c.w.Header().Set("Allow", strings.Join(methods, ", "))
		return errMethod
	}
	return serve()
}

// What pages of other origins may send and read (WHATWG Fetch, "CORS protocol"),
// and how OPTIONS describes tus (tus 1.0.0, "OPTIONS").
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
	corsHeaders = "Authorization, Content-Type, Range, If-None-Match, If-Range, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, X-HTTP-Method-Override, X-Request-ID, X-Requested-With"
	corsExposed = "Location, Upload-Offset, Upload-Length, Upload-Expires, Upload-Metadata, Tus-Version, Tus-Resumable, Tus-Max-Size, Tus-Extension, Content-Range, Content-Disposition, ETag, Retry-After"
	corsMaxAge  = "7200" // seconds: the most that Chromium takes

	tusVersion    = "1.0.0"
	tusExtensions = "creation,creation-with-upload,termination,expiration"
)

// cors answers what a browser asks before it lets a page use the service; there
// are no cookies, so any page that has a grant may.
func (c *call) cors() (answered bool, err error) {
	h := c.w.Header()
	if origin := c.r.Header.Get("Origin"); origin != "" {
		switch {
		case slices.Contains(c.Origins, "*"):
			h.Set("Access-Control-Allow-Origin", "*")
		case slices.Contains(c.Origins, origin):
			h.Set("Access-Control-Allow-Origin", origin)
			h.Add("Vary", "Origin")
		case !c.sameOrigin(origin):
			return false, errOrigin
		}
		h.Set("Access-Control-Expose-Headers", corsExposed)
	}
	if c.r.Method != http.MethodOptions {
		return false, nil
	}
	c.operation = "options"
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	h.Set("Tus-Resumable", tusVersion)
	h.Set("Tus-Version", tusVersion)
	h.Set("Tus-Extension", tusExtensions)
	h.Set("Tus-Max-Size", strconv.FormatInt(c.largest(), 10))
	c.w.WriteHeader(http.StatusNoContent)
	return true, nil
}

// sameOrigin: browsers send Origin with some requests to the page's own site too.
func (c *call) sameOrigin(origin string) bool {
	return origin == c.base()
}

// base is how the client reaches this site.
func (c *call) base() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "http"
	if c.r.TLS != nil || c.https {
		scheme = "https"
	}
	return scheme + "://" + c.r.Host
}

// authorize finds out who asks by the grant.
func (c *call) authorize() error {
	scheme, grant, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if grant == "" || !strings.EqualFold(scheme, "Bearer") {
		return errNoGrant
	}
	k, err := c.s.signer(c.r.Context())
	if err != nil {
		return err
	}
	c.principal, err = k.checkGrant(strings.TrimSpace(grant), c.s.now())
	return err
}

// readJSON decodes the request's body.
func (c *call) readJSON(into any) error {
	if t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return errBadRequest.noting("the body must be JSON, with Content-Type: application/json")
	}
	body := c.paced(false)
	defer body.end()
	b, err := io.ReadAll(io.LimitReader(body, maxJSON+1))
	if err != nil {
		return err
	}
	if len(b) > maxJSON {
		return errBadRequest.noting("the body has more than %d bytes", maxJSON)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return errBadRequest.noting("the body is not the JSON of this request")
	}
	return nil
}

// writeJSON answers with v.
func (c *call) writeJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(b) // the client may have left
	return nil
}

// transfer takes one of the node's places for requests with content.
func (c *call) transfer() (end func(), err error) {
	if c.s.transfers.Add(1) > int64(c.MaxTransfers) {
		c.s.transfers.Add(-1)
		return nil, errNodeFull
	}
	c.s.metrics.transfers.Inc()
	return func() {
		c.s.transfers.Add(-1)
		c.s.metrics.transfers.Dec()
	}, nil
}

// remote is the client's address.
func (c *call) remote() netip.AddrPort {
	a, _ := netip.ParseAddrPort(c.r.RemoteAddr) // no address is one too
	return a
}

// stopped reports whether the request is broken off because its server ends.
func stopped(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), handler.ErrServerShutdown)
}
