package files

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// cacheFor is the longest that a client may keep a file without asking again.
const cacheFor = 24 * time.Hour

// download serves GET and HEAD /files/o/<id>, by a signed link or a grant of the
// same tenant.
func (c *call) download(name string) error {
	id, err := parseID(name)
	if err != nil {
		return err
	}
	query := c.r.URL.Query()
	life, err := c.mayRead(id, query)
	if err != nil {
		return err
	}
	end, err := c.transfer()
	if err != nil {
		return err
	}
	defer end()
	var (
		m       *meta
		content io.ReadSeekCloser
	)
	if thumb := query.Get("thumb"); thumb != "" {
		c.operation = "thumbnail"
		m, content, err = c.thumbnail(id, thumb)
	} else {
		m, content, err = c.blobs.open(c.r.Context(), id)
	}
	if err != nil {
		return err
	}
	defer content.Close()
	h := c.w.Header()
	setContentHeaders(h, m, query.Get("download") != "")
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d, immutable", int(min(life, cacheFor)/time.Second)))
	w := &pacedWriter{ResponseWriter: c.w, rc: http.NewResponseController(c.w), ctx: c.r.Context()}
	defer w.listen()()
	http.ServeContent(w, c.r, "", m.created(), content)
	c.s.metrics.sent.Add(float64(w.sent))
	return nil
}

// mayRead checks the link, or the grant if there is no link, and tells how long it
// is good.
func (c *call) mayRead(id fileID, query url.Values) (time.Duration, error) {
	if !query.Has("s") && c.r.Header.Get("Authorization") != "" {
		if err := c.authorize(); err != nil {
			return 0, err
		}
		if id.tenant != c.principal.Tenant {
			return 0, errNotFound
		}
		c.w.Header().Add("Vary", "Authorization")
		return c.GrantLifetime, nil
	}
	k, err := c.s.signer(c.r.Context())
	if err != nil {
		return 0, err
	}
	now := c.s.now()
	expires, err := k.checkLink(id, query.Get("e"), query.Get("s"), now)
	return expires.Sub(now), err
}

// setContentHeaders says what the content is, so that a browser runs nothing of it
// as a page of this site: only types that hold no scripts are shown, everything
// else is saved, and nothing is guessed (nosniff). Should a browser show it all the
// same, the policy gives it an origin of its own without scripts.
func setContentHeaders(h http.Header, m *meta, save bool) {
	contentType, disposition := "application/octet-stream", "attachment"
	if inline[m.Type] {
		contentType = m.Type
		if !save {
			disposition = "inline"
		}
	}
	if m.Name != "" {
		// RFC 6266; FormatMediaType encodes what is not ASCII (RFC 8187).
		if named := mime.FormatMediaType(disposition, map[string]string{"filename": m.Name}); named != "" {
			disposition = named
		}
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pages of apps show it; the link is the protection
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Etag", m.etag())
}

const (
	// writeSlice must be taken by the client within writeTimeout, which makes the
	// least rate of a download 4 KiB/s.
	writeSlice   = 256 << 10
	writeTimeout = time.Minute
)

// pacedWriter gives each slice of a download its own deadline, so that a client
// that reads nothing does not hold a place. Slices of files still go through
// sendfile. Writing also ends when the request is broken off.
type pacedWriter struct {
	http.ResponseWriter
	rc   *http.ResponseController
	ctx  context.Context
	sent int64
}

func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// listen must be called before the first Write, and what it returns after the last.
func (w *pacedWriter) listen() func() bool {
	return context.AfterFunc(w.ctx, func() {
		if stopped(w.ctx) {
			_ = w.rc.SetWriteDeadline(time.Now()) // ends a Write that waits; not every server can
		}
	})
}

// next begins a slice. That the request is broken off may come just before the
// deadline is moved.
func (w *pacedWriter) next() error {
	if !stopped(w.ctx) {
		_ = w.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
	if stopped(w.ctx) {
		return errStopping
	}
	return nil
}

func (w *pacedWriter) Write(b []byte) (int, error) {
	if err := w.next(); err != nil {
		return 0, err
	}
	n, err := w.ResponseWriter.Write(b)
	w.sent += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (w *pacedWriter) ReadFrom(src io.Reader) (total int64, err error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	limited, isLimited := src.(*io.LimitedReader)
	if !ok || !isLimited {
		return io.Copy(onlyWriter{w}, src)
	}
	for limited.N > 0 {
		if err := w.next(); err != nil {
			return total, err
		}
		slice := &io.LimitedReader{R: limited.R, N: min(limited.N, writeSlice)}
		want := slice.N
		n, err := to.ReadFrom(slice)
		total, limited.N, w.sent = total+n, limited.N-n, w.sent+n
		if err != nil || n < want {
			return total, err
		}
	}
	return total, nil
}

// onlyWriter hides ReadFrom.
type onlyWriter struct{ io.Writer }
