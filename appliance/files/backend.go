package files

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Incoming is a request of a tenant's backend that brings a file:
//
//	Accept → Body → Receive (the content) → Store (what it is) → End
//
// It belongs to one goroutine. All errors are *wire.Error.
type Incoming struct {
	c      *call
	body   *pacedBody
	u      *upload // nil before Receive, and when it is stored
	cancel context.CancelCauseFunc
	ends   []func() // in the reverse order
}

// Details are what a backend says about its file.
type Details struct {
	Name string
	Tag  string
	Life time.Duration // 0: as long as the tenant's files are kept
	// HTTPS makes addresses begin with https where the site has no PublicURL.
	HTTPS bool
}

// maxLife bounds Details.Life.
const maxLife = 100 * 365 * 24 * time.Hour

// Accept takes one of the node's places for requests with content. The caller calls
// End, whatever comes.
func (s *Server) Accept(w http.ResponseWriter, r *http.Request, tenant uint32, appKey string) (*Incoming, error) {
	if !s.begun() {
		return nil, toWire(errStopping)
	}
	in := &Incoming{ends: []func(){s.work.Done}}
	ctx, cancel := context.WithCancelCause(r.Context())
	in.cancel = cancel
	stop := context.AfterFunc(s.ctx, func() { cancel(handler.ErrServerShutdown) })
	in.ends = append(in.ends, func() { stop(); cancel(nil) })
	in.c = &call{setup: s.setup.Load(), s: s, w: w, r: r.WithContext(ctx), operation: "backend", principal: Principal{Tenant: tenant, AppKey: appKey}}
	if in.c.Disabled {
		in.End()
		return nil, toWire(errNotFound.noting("this site takes no files"))
	}
	end, err := in.c.transfer()
	if err != nil {
		in.End()
		return nil, s.fail("backend", err)
	}
	in.ends = append(in.ends, end)
	in.body = in.c.paced(false)
	in.ends = append(in.ends, in.body.end)
	return in, nil
}

// Body is the request's body. Reading it fails when it comes too slowly, or when
// the server ends.
func (in *Incoming) Body() io.Reader { return in.body }

// Receive takes all that src has to disk, at most most bytes of content, which come
// in a body of at most length bytes (below 0: nobody knows).
func (in *Incoming) Receive(src io.Reader, most, length int64) error {
	err := in.receive(src, most, length)
	return in.c.s.fail("backend", err)
}

func (in *Incoming) receive(src io.Reader, most, length int64) error {
	if in.u != nil {
		return errBadRequest.noting("there is more than one file")
	}
	c := in.c
	limits := c.limits(c.principal.AppKey)
	most = min(most, limits.MaxSize)
	size := most
	if length >= 0 {
		size = min(size, length)
	}
	u, err := c.s.begin(c.r.Context(), c.setup, c.principal, size, declared{}, false)
	if err != nil {
		return err
	}
	in.u = u
	from := &source{r: src}
	if _, err := u.append(from, c.takesType); err != nil {
		return from.blame(err)
	}
	if n, err := io.ReadFull(from, make([]byte, 1)); n > 0 {
		return errTooLarge.noting("the file has more than %d bytes", most)
	} else if err != io.EOF {
		return from.blame(err)
	}
	u.end()
	return nil
}

// source remembers how reading has failed: that is the client's fault, not the
// disk's.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// blame is err, or what a client is told when it is one of reading.
func (s *source) blame(err error) error {
	if s.err == nil || !errors.Is(err, s.err) {
		return err
	}
	if coded := new(wire.Error); errors.As(err, new(*Error)) || errors.As(err, &coded) {
		return err
	}
	return errTruncated
}

// Store makes what was received a file, and tells its address and a signed link.
func (in *Incoming) Store(ctx context.Context, d Details) (*Result, error) {
	r, err := in.store(ctx, d)
	if err != nil {
		return nil, in.c.s.fail("backend", err)
	}
	in.c.s.metrics.requests.WithLabelValues("backend", resultOK).Inc()
	return r, nil
}

func (in *Incoming) store(ctx context.Context, d Details) (*Result, error) {
	if in.u == nil {
		return nil, errBadRequest.noting("there is no content")
	}
	if d.Life < 0 || d.Life > maxLife {
		return nil, errBadRequest.noting("the file's life is not within 100 years")
	}
	declared, err := declare(func(key string) string {
		if key == "name" {
			return cleanName(d.Name)
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	in.u.head.Declared, in.u.tag, in.u.lifeMs = declared, d.Tag, d.Life.Milliseconds()
	m, err := in.c.s.finish(ctx, in.c.setup, in.u)
	if err != nil {
		return nil, err
	}
	in.u = nil
	in.c.https = d.HTTPS
	return in.c.resultOf(m)
}

// cleanName is what of a name may be kept.
func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	clean := []rune(strings.Map(func(r rune) rune {
		if unsafeInName(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name))
	return string(clean[max(0, len(clean)-maxName):]) // the ending tells more
}

// End gives up what was received and not stored, and the place.
func (in *Incoming) End() {
	if in.u != nil {
		if err := in.c.s.abandon(in.u); err != nil {
			in.c.s.log.Warn("files: cannot remove a broken upload; it is tried again at the next start", "error", err)
		}
		in.u = nil
	}
	for i := len(in.ends) - 1; i >= 0; i-- {
		in.ends[i]()
	}
	in.ends = nil
}
