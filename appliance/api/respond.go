package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// contentType is what every answer has.
const contentType = "application/json;charset=utf-8"

// retryAfter is what a caller is asked to wait after code 503, and after code 416
// when nothing longer is known.
const retryAfter = time.Second

// limited is the error of a call that comes too often.
type limited struct {
	name string // of the action
	wait time.Duration
}

// Error implements error.
func (e *limited) Error() string { return "too many calls of " + e.name }

// Unwrap is the code and text of the answer.
func (e *limited) Unwrap() error { return &wire.Error{Code: wire.CodeRateLimited, Note: e.Error()} }

// waitOf is the time in the answer's Retry-After, in whole seconds.
func waitOf(err error) int {
	wait := retryAfter
	if e := (*limited)(nil); errors.As(err, &e) {
		wait = max(wait, e.wait)
	}
	return int(math.Ceil(wait.Seconds()))
}

// respond writes the envelope: {"code":200, …payload's fields} or
// {"code":N,"desc":"…"}. The HTTP status is always 200: clients of this API
// take any other for a broken network (facts/yunxin-api.md §1).
func respond(w http.ResponseWriter, payload any, err error) wire.Code {
	var body []byte
	if err == nil {
		body, err = envelope(wire.CodeOK, payload)
	}
	code := wire.CodeOf(err)
	if err != nil {
		body = errorEnvelope(code, err)
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if code == wire.CodeRateLimited || code == wire.CodeBusy {
		header.Set("Retry-After", strconv.Itoa(waitOf(err)))
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // a caller that is gone cannot be told
	return code
}

// envelope puts the code in front of the fields of payload, a struct or nil.
func envelope(code wire.Code, payload any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"code":` + strconv.Itoa(int(code)))
	if payload != nil {
		fields, err := marshal(payload)
		if err != nil {
			return nil, err
		}
		if len(fields) > len("{}") {
			b.WriteByte(',')
			b.Write(fields[1:])
			return b.Bytes(), nil
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// errorEnvelope tells what was wrong; of a failure of the server's own only that
// it happened.
func errorEnvelope(code wire.Code, err error) []byte {
	desc := code.Meaning()
	var coded *wire.Error
	if errors.As(err, &coded) && coded.Note != "" && code != wire.CodeServerError {
		desc = coded.Note
	}
	text, err := marshal(desc)
	if err != nil {
		text = []byte(`""`)
	}
	return []byte(`{"code":` + strconv.Itoa(int(code)) + `,"desc":` + string(text) + `}`)
}

// marshal is json.Marshal without its escapes for HTML, which this is not.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
