package api

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The headers of a request, in net/http's spelling; clients spell them in many
// ways (facts/yunxin-api.md §1).
const (
	headerAppKey    = "Appkey"
	headerNonce     = "Nonce"
	headerCurTime   = "Curtime"
	headerCheckSum  = "Checksum"
	headerRequestID = "Requestid"
	headerTraceID   = "X-Custom-Traceid"
)

const (
	// maxSkew is how far CurTime may be from the server's clock.
	maxSkew = 5 * time.Minute
	// maxNonce is the longest Nonce, in characters.
	maxNonce = 128
	// maxRequestID is the longest RequestId, in bytes.
	maxRequestID = 128
	// maxAppKey is the longest appkey, in bytes.
	maxAppKey = 64
)

// requestID is the caller's name for the request, "" when it has none. Yunxin's
// clients send it in one of two headers (facts/yunxin-api.md §1).
func requestID(r *http.Request) string {
	if id := r.Header.Get(headerRequestID); id != "" {
		return id
	}
	return r.Header.Get(headerTraceID)
}

// caller is who has proven to know a tenant's secret, and with which headers.
type caller struct {
	tenant  *state.Tenant
	nonce   string
	curTime string
}

// badHeader is the answer to every request without valid credentials. It begins
// with Yunxin's own text.
func badHeader(why string) error {
	return wire.Errorf(wire.CodeBadParameter, "bad http header: %s", why)
}

// authenticate checks CheckSum = hex SHA1(AppSecret + Nonce + CurTime). It does
// not cover the body: keep the API behind TLS.
func (a *API) authenticate(r *http.Request) (*caller, error) {
	appKey, nonce := r.Header.Get(headerAppKey), r.Header.Get(headerNonce)
	curTime, sum := r.Header.Get(headerCurTime), r.Header.Get(headerCheckSum)
	switch {
	case appKey == "" || len(appKey) > maxAppKey:
		return nil, badHeader("AppKey is missing or too long")
	case nonce == "" || len([]rune(nonce)) > maxNonce:
		return nil, badHeader("Nonce is missing or longer than 128 characters")
	case len(requestID(r)) > maxRequestID:
		return nil, badHeader("RequestId is longer than 128 bytes")
	}
	at, err := strconv.ParseInt(curTime, 10, 64)
	if err != nil {
		return nil, badHeader("CurTime is not a number of seconds since 1970")
	}
	// Compared in seconds, because a Duration cannot hold every int64 of them.
	if now := a.now().Unix(); at < now-int64(maxSkew.Seconds()) || at > now+int64(maxSkew.Seconds()) {
		return nil, badHeader("CurTime is more than 5 minutes away from the server's clock, which is at " + strconv.FormatInt(now, 10))
	}
	tenant, err := a.app.Tenant(r.Context(), appKey)
	if code := wire.CodeOf(err); code.Temporary() {
		return nil, err
	}
	if err != nil || !validCheckSum(tenant.Secret, nonce, curTime, sum) {
		return nil, badHeader("unknown AppKey or wrong CheckSum")
	}
	return &caller{tenant: tenant, nonce: nonce, curTime: curTime}, nil
}

func validCheckSum(secret, nonce, curTime, sum string) bool {
	want := sha1.Sum([]byte(secret + nonce + curTime))
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(want[:])), []byte(strings.ToLower(sum))) == 1
}
