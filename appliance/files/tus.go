package files

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"
)

// tusGrace is how long tusd may go on with a request whose client has left: it
// has only to write down what came.
const tusGrace = time.Second

// newTus makes tusd's handler for a setup. CORS, OPTIONS and GET are not its
// business, nor is its log: it would write several lines for each request.
func (s *Server) newTus(set *setup) (http.Handler, error) {
	composer := handler.NewStoreComposer()
	store := &tusStore{s, set}
	composer.UseCore(store)
	composer.UseTerminater(store)
	composer.UseLocker(s.locker)
	h, err := handler.NewHandler(handler.Config{
		StoreComposer:                    composer,
		BasePath:                         set.PublicURL + Prefix + "/" + pathResumable + "/",
		MaxSize:                          set.largest(),
		DisableDownload:                  true,
		Cors:                             &handler.CorsConfig{Disable: true},
		Logger:                           slog.New(discard{}),
		GracefulRequestCompletionTimeout: tusGrace,
		NetworkTimeout:                   readTimeout,
	})
	if err != nil {
		return nil, err
	}
	return http.StripPrefix(Prefix+"/"+pathResumable, h), nil
}

// callKey is where a request's call is in its context.
type callKey struct{}

// resumable serves /files/uploads and what is below it. GET tells what became of
// an upload; the rest is tus.
func (c *call) resumable(name string) error {
	if err := c.authorize(); err != nil {
		return err
	}
	if c.r.Method == http.MethodGet {
		return c.result(name)
	}
	if c.r.Method == http.MethodPost || c.r.Method == http.MethodPatch {
		end, err := c.transfer()
		if err != nil {
			return err
		}
		defer end()
		c.w.Header().Set("Upload-Expires", c.s.now().Add(c.UploadExpiry).UTC().Format(http.TimeFormat)) // tus 1.0.0, "Expiration"
	}
	body := c.paced(true)
	defer body.end()
	r := c.r.WithContext(context.WithValue(c.r.Context(), callKey{}, c))
	r.Body = body
	c.tus.ServeHTTP(c.w, r)
	return nil
}

// result answers with what became of an upload.
func (c *call) result(name string) error {
	id, err := parseID(name)
	if err != nil {
		return err
	}
	u, m, err := c.find(id)
	if err != nil {
		return err
	}
	if u != nil {
		return errUnfinished.noting("%d of %d bytes have come", u.written(), u.head.Size)
	}
	return c.uploaded(m)
}

// find is an unfinished upload of the caller, or the file that it has become. One
// that is complete becomes a file now.
func (c *call) find(id fileID) (*upload, *meta, error) {
	if u, ok := c.s.staging.get(id); ok {
		if u.head.Owner.key() != c.principal.key() {
			return nil, nil, errNotFound
		}
		if u.written() < u.head.Size {
			return u, nil, nil
		}
		m, err := c.s.finish(c.r.Context(), c.setup, u)
		return nil, m, err
	}
	m, err := c.own(id)
	return nil, m, err
}

// tusStore is the part of tusd that keeps content: staging and blobs.
type tusStore struct {
	s   *Server
	set *setup
}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// NewUpload implements handler.DataStore.
func (t *tusStore) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	c := callOf(ctx)
	d, err := declare(func(key string) string { return info.MetaData[key] })
	if err != nil {
		return nil, c.tusError(err)
	}
	u, err := t.s.begin(ctx, t.set, c.principal, info.Size, d, true)
	if err != nil {
		return nil, c.tusError(err)
	}
	return &tusUpload{c: c, u: u}, nil
}

// GetUpload implements handler.DataStore.
func (t *tusStore) GetUpload(ctx context.Context, name string) (handler.Upload, error) {
	c := callOf(ctx)
	id, err := parseID(name)
	if err != nil {
		return nil, c.tusError(err)
	}
	u, m, err := c.find(id)
	if err != nil {
		return nil, c.tusError(err)
	}
	return &tusUpload{c, u, m}, nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (t *tusStore) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload {
	return u.(*tusUpload)
}

// tusUpload is an upload of the caller's: either unfinished, or a file.
type tusUpload struct {
	c *call
	u *upload
	m *meta
}

// GetInfo implements handler.Upload.
func (t *tusUpload) GetInfo(context.Context) (handler.FileInfo, error) {
	if t.u == nil {
		return handler.FileInfo{ID: t.m.ID, Size: t.m.Size, Offset: t.m.Size, MetaData: tusMeta(t.m.Name)}, nil
	}
	return handler.FileInfo{ID: t.u.id.String(), Size: t.u.head.Size, Offset: t.u.written(), MetaData: tusMeta(t.u.head.Declared.Name)}, nil
}

func tusMeta(name string) handler.MetaData {
	if name == "" {
		return handler.MetaData{}
	}
	return handler.MetaData{"filename": name}
}

// WriteChunk implements handler.Upload. What it returns is on disk.
func (t *tusUpload) WriteChunk(_ context.Context, offset int64, src io.Reader) (int64, error) {
	if t.u == nil || t.u.written() != offset {
		return 0, handler.ErrMismatchOffset
	}
	t.c.s.locker.reading(t.u.id.String())
	n, err := t.u.append(src, t.c.takesType)
	if errors.Is(err, errType) {
		err = errors.Join(err, t.c.s.abandon(t.u))
	}
	return n, t.c.tusError(err)
}

// FinishUpload implements handler.Upload.
func (t *tusUpload) FinishUpload(ctx context.Context) error {
	if t.u == nil {
		return nil
	}
	m, err := t.c.s.finish(ctx, t.c.setup, t.u)
	if err == nil {
		t.u, t.m = nil, m
	}
	return t.c.tusError(err)
}

// GetReader implements handler.Upload; tusd does not serve downloads here.
func (t *tusUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}

// Terminate implements handler.TerminatableUpload.
func (t *tusUpload) Terminate(context.Context) error {
	if t.u != nil {
		return t.c.tusError(t.c.s.abandon(t.u))
	}
	id, err := parseID(t.m.ID)
	if err == nil {
		err = t.c.s.remove(t.c.r.Context(), id)
	}
	return t.c.tusError(err)
}

// tusError makes err what tusd answers with. An error of tusd stays.
func (c *call) tusError(err error) error {
	if err == nil {
		return nil
	}
	var theirs handler.Error
	if errors.As(err, &theirs) {
		return theirs
	}
	e, known := edge(err)
	if !known {
		c.s.log.Error("files: a request failed", "operation", c.operation, "error", err)
	}
	c.s.clients.Debug("files: refused", "operation", c.operation, "result", e.Name, "note", e.Note, "remote", c.r.RemoteAddr)
	c.refusal = e.Name
	return e.tus()
}

// discard is a log of nothing, in the type that tusd takes.
type discard struct{}

func (discard) Enabled(context.Context, slog.Level) bool  { return false }
func (discard) Handle(context.Context, slog.Record) error { return nil }
func (d discard) WithAttrs([]slog.Attr) slog.Handler      { return d }
func (d discard) WithGroup(string) slog.Handler           { return d }

// Interface guards
var (
	_ handler.DataStore           = (*tusStore)(nil)
	_ handler.TerminaterDataStore = (*tusStore)(nil)
	_ handler.TerminatableUpload  = (*tusUpload)(nil)
)
