package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of LBS.
const (
	lbsTimeout   = 5 * time.Second
	maxLBSBytes  = 64 << 10
	maxAddresses = 8 // tried in one attempt to connect
	minLBSTTL    = 10 * time.Second
	maxLBSTTL    = 24 * time.Hour
	// defaultAttemptDelay is RFC 8305's Connection Attempt Delay (§8); its
	// bounds are those of the same section.
	defaultAttemptDelay = 250 * time.Millisecond
	minAttemptDelay     = 10 * time.Millisecond
	maxAttemptDelay     = 2 * time.Second
)

// transportLink is the name of this client's transport in access points.
const transportLink = "link"

// lbsAnswer is LBS's answer, see appliance/lbs.
type lbsAnswer struct {
	Code         wire.Code     `json:"code"`
	Desc         string        `json:"desc,omitempty"`
	AccessPoints []accessPoint `json:"access_points"`
	LinkKey      string        `json:"link_key"`
	TTL          int64         `json:"ttl"` // seconds
	Hints        struct {
		AttemptDelayMs int64 `json:"attempt_delay_ms"`
	} `json:"hints"`
}

type accessPoint struct {
	Transport string `json:"transport"`
	Address   string `json:"address"`
}

// location is where to connect.
type location struct {
	addresses    []string // host:port, the preferred first; never empty
	key          []byte
	attemptDelay time.Duration
	expires      time.Time
}

// locator asks LBS and remembers its answer. One goroutine uses it.
type locator struct {
	url    string
	http   *http.Client
	pinned []byte // key that is trusted instead of LBS's, or nil
	cache  cacheFile
	logger *slog.Logger

	loaded bool
	last   *location
}

func newLocator(o *Options, pinned []byte) *locator {
	u, err := url.Parse(o.LBS)
	if err != nil {
		u = new(url.URL) // Options.complete has checked it
	}
	q := u.Query()
	q.Set("k", o.AppKey)
	q.Set("id", o.Account)
	q.Set("v", Version)
	q.Set("platform", strconv.Itoa(int(o.Platform)))
	q.Set("transport", transportLink)
	if o.Env != "" {
		q.Set("env", o.Env)
	}
	u.RawQuery = q.Encode()
	return &locator{
		url: u.String(), http: o.HTTP, pinned: pinned, logger: o.Logger,
		cache: cacheFile{path: o.LBSCache, source: o.LBS + " " + o.AppKey + " " + o.Env},
	}
}

// locate says where to connect: the last answer until it expires, then (or when
// fresh is set) a new one. When LBS cannot answer, the last answer serves on,
// however old; a *finalError says that LBS refuses and there is none.
func (l *locator) locate(ctx context.Context, fresh bool) (*location, error) {
	if !l.loaded {
		l.loaded = true
		l.load()
	}
	if l.last != nil && !fresh && time.Now().Before(l.last.expires) {
		return l.last, nil
	}
	answer, err := l.ask(ctx)
	if err == nil {
		var where *location
		if where, err = l.accept(answer); err == nil {
			where.expires = time.Now().Add(min(max(time.Duration(answer.TTL)*time.Second, minLBSTTL), maxLBSTTL))
			l.last = where
			if err := l.cache.write(answer, where.expires); err != nil {
				l.logger.Warn("cannot keep LBS's answer", "error", err)
			}
			return where, nil
		}
	}
	if l.last != nil && ctx.Err() == nil {
		l.logger.Warn("LBS does not answer; its last answer serves on", "error", err)
		return l.last, nil
	}
	return nil, fmt.Errorf("asking LBS: %w", err)
}

// load takes the answer that an earlier run has kept.
func (l *locator) load() {
	answer, expires, err := l.cache.read()
	if err != nil {
		l.logger.Warn("ignoring the kept answer of LBS", "error", err)
		return
	}
	if answer == nil {
		return
	}
	if where, err := l.accept(answer); err == nil {
		// A clock that was set back must not make an answer live for ever.
		where.expires = expires
		if limit := time.Now().Add(maxLBSTTL); where.expires.After(limit) {
			where.expires = time.Time{}
		}
		l.last = where
	}
}

// ask makes one request.
func (l *locator) ask(ctx context.Context) (*lbsAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, lbsTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := l.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxLBSBytes+1))
	if err != nil {
		return nil, err
	}
	answer := new(lbsAnswer)
	if len(body) > maxLBSBytes {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxLBSBytes)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return nil, fmt.Errorf("http status %d, not an answer of LBS: %w", response.StatusCode, err)
	}
	if answer.Code == wire.CodeOK && response.StatusCode == http.StatusOK {
		return answer, nil
	}
	refused := &wire.Error{Code: answer.Code, Note: answer.Desc}
	if answer.Code == wire.CodeBadParameter || answer.Code == wire.CodeNotFound {
		return nil, &finalError{refused}
	}
	return nil, fmt.Errorf("http status %d: %w", response.StatusCode, refused)
}

// accept checks an answer and takes what this client can use of it.
func (l *locator) accept(answer *lbsAnswer) (*location, error) {
	where := &location{key: l.pinned, attemptDelay: defaultAttemptDelay}
	if where.key == nil {
		key, err := secure.ParsePublicKey(answer.LinkKey)
		if err != nil {
			return nil, fmt.Errorf("link_key: %w", err)
		}
		where.key = key
	}
	if ms := answer.Hints.AttemptDelayMs; ms > 0 {
		where.attemptDelay = min(max(time.Duration(min(ms, maxAttemptDelay.Milliseconds()))*time.Millisecond, minAttemptDelay), maxAttemptDelay)
	}
	for _, point := range answer.AccessPoints {
		if point.Transport != transportLink || len(where.addresses) == maxAddresses {
			continue
		}
		if _, _, err := net.SplitHostPort(point.Address); err != nil {
			return nil, fmt.Errorf("access point %q: %w", point.Address, err)
		}
		where.addresses = append(where.addresses, point.Address)
	}
	if len(where.addresses) == 0 {
		return nil, errors.New("the answer names no access point of transport link")
	}
	return where, nil
}
