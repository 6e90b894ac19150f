package callback

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
)

const (
	// maxAnswer bounds an answer's body and its header, in bytes each.
	maxAnswer       = 64 << 10
	maxAnswerHeader = 16 << 10

	// A dial goes on when the question that needed it is over, for the next one;
	// these bound it.
	dialTimeout = 5 * time.Second
	tlsTimeout  = 5 * time.Second

	// idleTimeout is below what most HTTP servers grant an idle connection.
	idleTimeout = 30 * time.Second
	// maxIdle bounds the idle connections to all backends.
	maxIdle = 1024
)

// Why there is no answer.
var (
	errTimeout = errors.New("no answer in time")
	errCrowded = errors.New("too many questions wait")
	errPaused  = errors.New("the backend is left alone for a while")
	errTooLong = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
)

// statusError is an HTTP status other than 200. Redirects are not followed: where
// to ask is for the operator to say.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("the backend answers HTTP status %d, not 200", int(e))
}

// newTransport makes the client for all backends. It uses no proxy, no HTTP/2 (one
// stalled connection would stall all questions on it) and no compression, and
// verifies certificates.
func newTransport(o Options) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		TLSHandshakeTimeout:    tlsTimeout,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    o.Concurrency,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxAnswerHeader,
	}
}

// post puts one question. It uses the transport itself: http.Client would follow
// redirects and put the URL into errors.
func (g *Gate) post(ctx context.Context, t *state.Tenant, question any) (*answer, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Callback.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL is not valid")
	}
	if s := request.URL.Scheme; s != "http" && s != "https" {
		return nil, errors.New("the URL is neither http nor https")
	}
	sign(request.Header, t, body, time.Now())
	response, err := g.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, statusError(response.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxAnswer:
		return nil, errTooLong
	}
	return parseAnswer(b)
}

// sign adds the headers by which a backend knows that the question is its own
// appliance's (facts/yunxin-api.md §8). They are written as they are documented:
// some servers compare them with regard to case.
func sign(h http.Header, t *state.Tenant, body []byte, now time.Time) {
	digest := md5.Sum(body)
	hash, curTime := hex.EncodeToString(digest[:]), strconv.FormatInt(now.UnixMilli(), 10)
	sum := sha1.Sum([]byte(t.Secret + hash + curTime))
	h["AppKey"] = []string{t.AppKey}
	h["CurTime"] = []string{curTime}
	h["MD5"] = []string{hash}
	h["CheckSum"] = []string{hex.EncodeToString(sum[:])}
	h["Content-Type"] = []string{"application/json; charset=utf-8"}
	h["User-Agent"] = []string{"yizhan-callback"}
	// A question may be put twice: with this, which is not sent, the transport tries
	// again on a new connection when the backend has just closed an idle one.
	h["Idempotency-Key"] = nil
}

// describe says for the log why there was no answer: nothing of the URL's path or
// query, nothing that the backend has sent.
func describe(err error) string {
	var (
		status  statusError
		network *net.OpError
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, errTimeout), errors.Is(err, errTooLong), errors.Is(err, errAnswer), errors.As(err, &status):
		return err.Error()
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		return "the backend's certificate is not valid for its name or not signed by an authority that this machine trusts"
	case errors.As(err, &dns):
		return "the backend's name cannot be resolved"
	case errors.As(err, &network):
		return network.Error()
	default:
		return "the connection failed"
	}
}
