package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Error is a refusal as a client sees it: an HTTP status, a code of the
// protocol, a name that programs compare, and a note for people.
type Error struct {
	Status int
	Code   wire.Code
	Name   string
	Note   string
	// Retry is after how long trying again may succeed; 0 when it is of no use.
	Retry time.Duration
}

func (e *Error) Error() string { return e.Name + ": " + e.Note }

// Is makes errors of one name equal, whatever their notes.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Name == e.Name
}

// noting is e with another note.
func (e *Error) noting(format string, args ...any) *Error {
	noted := *e
	noted.Note = fmt.Sprintf(format, args...)
	return &noted
}

// retryLater is the pause that is advised when the node is busy or stopping.
const retryLater = 2 * time.Second

// The refusals. Names are part of the interface: changing one breaks clients.
var (
	errBadRequest  = &Error{http.StatusBadRequest, wire.CodeBadParameter, "bad_request", "the request is malformed", 0}
	errBadID       = &Error{http.StatusNotFound, wire.CodeNotFound, "not_found", "there is no such file or upload", 0}
	errNotFound    = errBadID
	errMethod      = &Error{http.StatusMethodNotAllowed, wire.CodeBadProtocol, "method", "the method is not served here", 0}
	errNoGrant     = &Error{http.StatusUnauthorized, wire.CodeWrongToken, "no_grant", "send the header Authorization: Bearer <grant>; POST /files/grant gives one", 0}
	errBadGrant    = &Error{http.StatusUnauthorized, wire.CodeWrongToken, "bad_grant", "the grant is not one that this site has signed", 0}
	errOldGrant    = &Error{http.StatusUnauthorized, wire.CodeWrongToken, "expired_grant", "the grant has expired; get another from POST /files/grant", 0}
	errBadLink     = &Error{http.StatusForbidden, wire.CodeForbidden, "bad_link", "the link's signature is wrong or missing; get one from POST /files/links", 0}
	errOldLink     = &Error{http.StatusForbidden, wire.CodeForbidden, "expired_link", "the link has expired; get another from POST /files/links", 0}
	errOrigin      = &Error{http.StatusForbidden, wire.CodeForbidden, "origin", "pages of this origin may not use the files of this site", 0}
	errTooLarge    = &Error{http.StatusRequestEntityTooLarge, wire.CodeBadParameter, "too_large", "the file is too large", 0}
	errNoLength    = &Error{http.StatusLengthRequired, wire.CodeBadParameter, "no_length", "the request must say how long its body is", 0}
	errType        = &Error{http.StatusUnsupportedMediaType, wire.CodeBadParameter, "type", "files of this type are not taken", 0}
	errDigest      = &Error{http.StatusUnprocessableEntity, wire.CodeBadParameter, "digest", "the content does not have the digest that was announced; upload it again", 0}
	errTruncated   = &Error{http.StatusBadRequest, wire.CodeBadParameter, "truncated", "the body ended early", 0}
	errSlow        = &Error{http.StatusRequestTimeout, wire.CodeTimeout, "slow", "the body came too slowly", 0}
	errDailyQuota  = &Error{http.StatusTooManyRequests, wire.CodeCountLimit, "daily_quota", "the tenant has uploaded as much as it may today", time.Hour}
	errQuota       = &Error{http.StatusInsufficientStorage, wire.CodeCountLimit, "quota", "the tenant or the account has as many files as it may have", 0}
	errManyUploads = &Error{http.StatusTooManyRequests, wire.CodeCountLimit, "many_uploads", "the account has too many unfinished uploads; finish or delete one", 10 * time.Second}
	errNodeFull    = &Error{http.StatusServiceUnavailable, wire.CodeBusy, "busy", "the node serves too many transfers at this moment; try again", retryLater}
	errDiskFull    = &Error{http.StatusInsufficientStorage, wire.CodeBusy, "disk_full", "the server's disk is full; it gives files but takes none", time.Minute}
	errStopping    = &Error{http.StatusServiceUnavailable, wire.CodeBusy, "stopping", "the node is stopping; go on at another or in a moment", retryLater}
	errStorage     = &Error{http.StatusBadGateway, wire.CodeBusy, "storage", "the storage of files does not answer; try again", 5 * time.Second}
	errUnfinished  = &Error{http.StatusConflict, wire.CodeBadParameter, "unfinished", "the upload is not finished", 0}
	errNotImage    = &Error{http.StatusUnsupportedMediaType, wire.CodeBadParameter, "no_thumbnail", "there is no thumbnail of such a file", 0}
	errInternal    = &Error{http.StatusInternalServerError, wire.CodeServerError, "internal", "the server failed; its log tells why", 0}
)

// edge makes err what may leave the server; known is false for a failure that an
// operator must hear of.
func edge(err error) (e *Error, known bool) {
	var own *Error
	if errors.As(err, &own) {
		return own, true
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return errDiskFull, true
	}
	if coded := new(wire.Error); errors.As(err, &coded) {
		return fromWire(coded), true
	}
	if failed := new(storageError); errors.As(err, &failed) {
		return errStorage, false
	}
	return errInternal, false
}

// fromWire gives a refused login its HTTP status.
func fromWire(e *wire.Error) *Error {
	status, name, retry := http.StatusInternalServerError, "internal", time.Duration(0)
	switch e.Code {
	case wire.CodeBadParameter:
		status, name = http.StatusBadRequest, "bad_request"
	case wire.CodeWrongToken:
		status, name = http.StatusUnauthorized, "wrong_token"
	case wire.CodeBlocked, wire.CodeForbidden:
		status, name = http.StatusForbidden, "blocked"
	case wire.CodeRateLimited:
		status, name, retry = http.StatusTooManyRequests, "rate_limited", 10*time.Second
	case wire.CodeBusy:
		status, name, retry = http.StatusServiceUnavailable, "busy", retryLater
	}
	return &Error{status, e.Code, name, e.Note, retry}
}

// body is the JSON form of e.
func (e *Error) body() []byte {
	b, _ := json.Marshal(struct { // cannot fail: plain fields
		Code         wire.Code `json:"code"`
		Error        string    `json:"error"`
		Note         string    `json:"note"`
		RetryAfterMs int64     `json:"retryAfterMs,omitempty"`
	}{e.Code, e.Name, e.Note, e.Retry.Milliseconds()})
	return append(b, '\n')
}

// write answers with e.
func (e *Error) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for _, name := range []string{"Content-Disposition", "Etag", "Last-Modified", "Accept-Ranges", "Content-Range"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if e.Retry > 0 {
		h.Set("Retry-After", e.retryAfter())
	}
	if e.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer") // RFC 9110 §11.6.1
	}
	b := e.body()
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client may have left
	}
}

func (e *Error) retryAfter() string {
	return strconv.Itoa(int(e.Retry.Round(time.Second) / time.Second))
}

// tus is e as tusd answers with it.
func (e *Error) tus() handler.Error {
	h := handler.HTTPHeader{"Content-Type": "application/json", "Cache-Control": "no-store"}
	if e.Retry > 0 {
		h["Retry-After"] = e.retryAfter()
	}
	return handler.Error{
		ErrorCode:    e.Name,
		Message:      e.Note,
		HTTPResponse: handler.HTTPResponse{StatusCode: e.Status, Body: string(e.body()), Header: h},
	}
}
