package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// FilesOptions are where a site takes files, and whose they are. URL, AppKey,
// Account and Token are required.
type FilesOptions struct {
	// URL is the site, such as https://im.example.com.
	URL string
	// AppKey names the tenant; Account and Token are the user's credentials.
	AppKey, Account, Token string
	// MinBackoff and MaxBackoff bound the pause before a request is made again: it
	// doubles from one to the other and is shortened at random. The defaults are
	// 1 s and 60 s.
	MinBackoff, MaxBackoff time.Duration
	// HTTP makes the requests; the default is a client of its own.
	HTTP *http.Client
}

// Files uploads and downloads the files of messages. Its methods may be called
// from any goroutine.
//
// A call goes on after every interruption, where the server says, until its
// context is over. Errors that trying again would not change are *FileError.
type Files struct {
	o FilesOptions

	mu      sync.Mutex
	grant   string    // guarded by mu
	expires time.Time // guarded by mu
}

// FileError is the server's refusal.
type FileError struct {
	Status int       // of HTTP
	Code   wire.Code // 0 when the server gave none
	Name   string    // such as "too_large", see appliance/files
	Note   string    // for people
}

func (e *FileError) Error() string {
	return fmt.Sprintf("sdk: files: status %d %s: %s", e.Status, e.Name, e.Note)
}

// ErrForeignFile is returned for an address that is not of this site. Addresses
// come from other users: neither the grant nor a request goes anywhere else.
var ErrForeignFile = errors.New("sdk: the file is not at this site")

// errFileChanged ends a download that could not be gone on with.
var errFileChanged = errors.New("sdk: the file is not what it was, or was damaged on its way")

const (
	defaultFileTimeout = time.Minute // to the beginning of an answer
	grantMargin        = 30 * time.Second
	maxFileAnswer      = 64 << 10
)

// NewFiles makes a Files. It connects to nothing yet.
func NewFiles(o FilesOptions) (*Files, error) {
	o.URL = strings.TrimSuffix(o.URL, "/")
	if !strings.HasPrefix(o.URL, "https://") && !strings.HasPrefix(o.URL, "http://") {
		return nil, fmt.Errorf("sdk: URL %q is not like https://im.example.com", o.URL)
	}
	if o.AppKey == "" || o.Account == "" || o.Token == "" {
		return nil, errors.New("sdk: AppKey, Account and Token are needed")
	}
	if o.MinBackoff <= 0 {
		o.MinBackoff = defaultMinBackoff
	}
	if o.MaxBackoff < o.MinBackoff {
		o.MaxBackoff = max(defaultMaxBackoff, o.MinBackoff)
	}
	if o.HTTP == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = defaultFileTimeout
		o.HTTP = &http.Client{Transport: transport}
	}
	return &Files{o: o}, nil
}

// FileLink is a signed link, which opens for anybody until it expires.
type FileLink struct {
	URL     string
	Expires time.Time
}

// Link makes a signed link to a file, by the URL in its message.
func (f *Files) Link(ctx context.Context, url string) (*FileLink, error) {
	if !f.ours(url) {
		return nil, ErrForeignFile
	}
	body, err := json.Marshal(map[string][]string{"files": {url}})
	if err != nil {
		return nil, err
	}
	var out struct {
		Links []struct {
			URL, Error string
			ExpiresMs  int64
		}
	}
	err = f.persist(ctx, func(*progress) error {
		answer, err := f.granted(ctx, http.MethodPost, f.o.URL+"/files/links", bytes.NewReader(body), "Content-Type", "application/json")
		if err != nil {
			return err
		}
		return answer.decode(&out)
	})
	if err != nil {
		return nil, err
	}
	if len(out.Links) != 1 || out.Links[0].URL == "" {
		return nil, &FileError{Status: http.StatusNotFound, Code: wire.CodeNotFound, Name: "not_found", Note: "there is no such file"}
	}
	return &FileLink{out.Links[0].URL, time.UnixMilli(out.Links[0].ExpiresMs)}, nil
}

func (f *Files) ours(url string) bool { return strings.HasPrefix(url, f.o.URL+"/files/") }

// progress is how a call tells that it came further: pauses begin short again.
type progress struct{ made bool }

// persist makes try until it succeeds, is refused for good, or ctx is over.
func (f *Files) persist(ctx context.Context, try func(*progress) error) error {
	pause := backoff{min: f.o.MinBackoff, max: f.o.MaxBackoff}
	for {
		var p progress
		err := try(&p)
		if err == nil || !worthRepeating(err) {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		if p.made {
			pause.reset()
		}
		timer := time.NewTimer(pause.next())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}

// worthRepeating: the network, an overload and a stop pass by; so does a conflict
// with an own request that the server has not given up yet.
func worthRepeating(err error) bool {
	var refused *FileError
	if !errors.As(err, &refused) {
		return !errors.Is(err, ErrForeignFile) && !errors.Is(err, errFileChanged) && !errors.Is(err, errSource)
	}
	switch refused.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusLocked, http.StatusTooManyRequests:
		return refused.Name != "daily_quota"
	case http.StatusNotImplemented, http.StatusInsufficientStorage:
		return false
	}
	return refused.Status >= 500 || refused.Name == "truncated"
}

// fileAnswer is a response whose body has been read.
type fileAnswer struct {
	status int
	header http.Header
	body   []byte
}

func (a *fileAnswer) decode(into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return &FileError{Status: a.status, Name: "bad_answer", Note: "the server's answer is not understood"}
	}
	return nil
}

// granted makes a request with a grant, and with a new one when it has expired.
func (f *Files) granted(ctx context.Context, method, url string, body io.ReadSeeker, header ...string) (*fileAnswer, error) {
	resp, err := f.openGranted(ctx, method, url, body, header...)
	if err != nil {
		return nil, err
	}
	return readAnswer(resp)
}

func (f *Files) openGranted(ctx context.Context, method, url string, body io.ReadSeeker, header ...string) (*http.Response, error) {
	for again := false; ; again = true {
		grant, err := f.currentGrant(ctx)
		if err != nil {
			return nil, err
		}
		resp, err := f.open(ctx, method, url, body, append(header, "Authorization", "Bearer "+grant)...)
		var refused *FileError
		if again || !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
			return resp, err
		}
		f.mu.Lock()
		f.grant = ""
		f.mu.Unlock()
	}
}

func (f *Files) currentGrant(ctx context.Context) (string, error) {
	f.mu.Lock()
	grant, expires := f.grant, f.expires
	f.mu.Unlock()
	if grant != "" && time.Until(expires) > grantMargin {
		return grant, nil
	}
	body, err := json.Marshal(map[string]string{"appKey": f.o.AppKey, "account": f.o.Account, "token": f.o.Token})
	if err != nil {
		return "", err
	}
	answer, err := f.request(ctx, http.MethodPost, f.o.URL+"/files/grant", bytes.NewReader(body), "Content-Type", "application/json")
	if err != nil {
		return "", err
	}
	var out struct {
		Grant     string
		ExpiresMs int64
	}
	if err := answer.decode(&out); err != nil {
		return "", err
	}
	f.mu.Lock()
	f.grant, f.expires = out.Grant, time.UnixMilli(out.ExpiresMs)
	f.mu.Unlock()
	return out.Grant, nil
}

// open makes a request. The caller closes the body of an answer below 300; any
// other is a *FileError.
func (f *Files) open(ctx context.Context, method, url string, body io.ReadSeeker, header ...string) (*http.Response, error) {
	var content io.Reader
	var size int64
	if body != nil {
		end, err := body.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = body.Seek(0, io.SeekStart)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSource, err)
		}
		size = end
		content = ownReader{body}
		if size == 0 {
			content = http.NoBody
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return nil, err
	}
	r.ContentLength = size
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := f.o.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxFileAnswer))
	if err != nil {
		return nil, err
	}
	var out struct {
		Code        wire.Code
		Error, Note string
	}
	if json.Unmarshal(text, &out) != nil {
		out.Error, out.Note, _ = strings.Cut(strings.TrimSpace(string(text)), ": ") // tus answers so
	}
	return nil, &FileError{resp.StatusCode, out.Code, out.Error, out.Note}
}

// request is open with a short answer.
func (f *Files) request(ctx context.Context, method, url string, body io.ReadSeeker, header ...string) (*fileAnswer, error) {
	resp, err := f.open(ctx, method, url, body, header...)
	if err != nil {
		return nil, err
	}
	return readAnswer(resp)
}

func readAnswer(resp *http.Response) (*fileAnswer, error) {
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxFileAnswer))
	return &fileAnswer{resp.StatusCode, resp.Header, text}, err
}

// ownReader marks the errors of the app's own file, and keeps the HTTP client from
// closing it.
type ownReader struct{ io.Reader }

func (r ownReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errSource, err)
	}
	return n, err
}
