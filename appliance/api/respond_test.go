package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestEnvelope(t *testing.T) {
	for _, test := range []struct {
		payload any
		err     error
		want    string
	}{
		{nil, nil, `{"code":200}`},
		{struct{}{}, nil, `{"code":200}`},
		{historyAnswer{Msgs: []historyMessage{}}, nil, `{"code":200,"size":0,"msgs":[]}`},
		{nil, wire.Errorf(wire.CodeBadParameter, `a "<b>" & c`), `{"code":414,"desc":"a \"<b>\" & c"}`},
		{nil, fmt.Errorf("while sending: %w", &wire.Error{Code: wire.CodeRecallExpired}), `{"code":508,"desc":"the message is too old to be recalled or edited"}`},
		{nil, errors.New("secret of the server"), `{"code":500,"desc":"the server failed; its log tells why"}`},
		{make(chan int), nil, `{"code":500,"desc":"the server failed; its log tells why"}`},
	} {
		w := httptest.NewRecorder()
		respond(w, test.payload, test.err)
		if w.Code != 200 || w.Body.String() != test.want {
			t.Errorf("%v, %v: %d %s, want %s", test.payload, test.err, w.Code, w.Body, test.want)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json;charset=utf-8" {
			t.Errorf("Content-Type: %s", got)
		}
	}
}

func TestCallersAreToldToWait(t *testing.T) {
	for code, want := range map[wire.Code]string{wire.CodeBusy: "1", wire.CodeRateLimited: "1", wire.CodeBadParameter: ""} {
		w := httptest.NewRecorder()
		respond(w, nil, wire.Errorf(code, "no"))
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("code %d: Retry-After %q, want %q", code, got, want)
		}
	}
	w := httptest.NewRecorder()
	code := respond(w, nil, &limited{name: "user/create", wait: 9001 * time.Millisecond})
	if got := w.Header().Get("Retry-After"); got != "10" || code != wire.CodeRateLimited || w.Body.String() != `{"code":416,"desc":"too many calls of user/create"}` {
		t.Errorf("too many calls: code %d, Retry-After %q, %s", code, got, w.Body)
	}
}

func TestActionListIsCurrent(t *testing.T) {
	want, err := os.ReadFile("ACTIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := WriteActionList(&got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("ACTIONS.md is not what the registry says: run go generate ./appliance/api")
	}
}

func TestCheckSum(t *testing.T) {
	// printf %s secret123451700000000 | sha1sum
	const sum = "e4045fd1bf717c64c3ec56b3149452134a2344a9"
	if !validCheckSum("secret", "12345", "1700000000", sum) {
		t.Error("the right CheckSum is wrong")
	}
	for _, wrong := range []string{"", sum[1:], "0" + sum[1:], sum + "0"} {
		if validCheckSum("secret", "12345", "1700000000", wrong) {
			t.Errorf("CheckSum %q is right", wrong)
		}
	}
}
