package wire

import (
	"errors"
	"fmt"
	"testing"
)

func TestEveryCodeIsDescribedOnce(t *testing.T) {
	names := map[string]Code{}
	for _, info := range codeTable {
		if info.name == "" || info.meaning == "" {
			t.Errorf("code %d has no name or meaning", info.code)
		}
		if other, taken := names[info.name]; taken {
			t.Errorf("codes %d and %d share the name %q", other, info.code, info.name)
		}
		names[info.name] = info.code
		if codeIndex[info.code].name != info.name {
			t.Errorf("code %d is in the table twice", info.code)
		}
	}
	if got := Code(12345).String(); got != "code_12345" {
		t.Errorf("an unknown code is called %q", got)
	}
}

func TestCodeOf(t *testing.T) {
	busy := Errorf(CodeBusy, "queue of %d commands is full", 9)
	cases := []struct {
		err  error
		want Code
	}{
		{nil, CodeOK},
		{busy, CodeBusy},
		{fmt.Errorf("send: %w", busy), CodeBusy},
		{errors.New("disk on fire"), CodeServerError},
	}
	for _, c := range cases {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %d, want %d", c.err, got, c.want)
		}
	}
	if !CodeBusy.Temporary() || CodeWrongToken.Temporary() {
		t.Error("503 must be temporary and 302 must not")
	}
}
