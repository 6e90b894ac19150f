package callback

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The codes that a backend may choose for a refusal (facts/yunxin-api.md §9).
const (
	minOwnCode = 20000
	maxOwnCode = 20099
)

// maxExtension bounds what of callbackExt is told to the client, in characters.
const maxExtension = 1024

// errAnswer is wrapped by errors about answers that cannot be understood.
var errAnswer = errors.New("the answer is not the JSON object that a callback must answer with")

// number is a JSON number or a string that holds one: backends write both.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	text := string(b)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = strings.TrimSpace(unquoted)
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errors.New("not a whole number")
	}
	*n = number(v)
	return nil
}

// answer is what a backend says.
type answer struct {
	ErrCode        *number         `json:"errCode"` // 0 allows
	ResponseCode   json.RawMessage `json:"responseCode"`
	ModifyResponse json.RawMessage `json:"modifyResponse"`
	CallbackExt    json.RawMessage `json:"callbackExt"`
}

// parseAnswer reads an answer. Only errCode must be there.
func parseAnswer(b []byte) (*answer, error) {
	a := new(answer)
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte("\ufeff")), a); err != nil {
		return nil, fmt.Errorf("%w: it cannot be decoded", errAnswer) // the cause may quote it
	}
	if a.ErrCode == nil {
		return nil, fmt.Errorf("%w: errCode is missing", errAnswer)
	}
	return a, nil
}

// verdict is nil, or the refusal for the client: with the backend's own code, if
// it is one that backends may choose, and with callbackExt as its note.
//
// An answer that allows something else than what it was asked about, in a way that
// is not served, refuses: to let the original pass would be what the backend did
// not want.
func (a *answer) verdict(event state.CallbackEvents, served bool) error {
	if *a.ErrCode == 0 && served {
		return nil
	}
	code := wire.CodeForbidden
	if event == state.CallbackLogin {
		code = wire.CodeWrongToken
	}
	var own number
	if len(a.ResponseCode) > 0 && own.UnmarshalJSON(a.ResponseCode) == nil && own >= minOwnCode && own <= maxOwnCode {
		code = wire.Code(own)
	}
	note := a.extension()
	if note == "" {
		note = "refused by the tenant's backend"
	}
	return &wire.Error{Code: code, Note: note}
}

// extension is callbackExt as text: a string, or any other JSON as it is.
func (a *answer) extension() string {
	if len(a.CallbackExt) == 0 || string(a.CallbackExt) == "null" {
		return ""
	}
	var text string
	if json.Unmarshal(a.CallbackExt, &text) != nil {
		text = string(a.CallbackExt)
	}
	return clip(strings.ToValidUTF8(text, string(utf8.RuneError)), maxExtension)
}

// clip cuts s to so many characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}

// A backend's own codes fit into a wire.Code.
var _ [math.MaxUint16 - maxOwnCode]struct{}
