package callback

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestAnswers(t *testing.T) {
	for text, want := range map[string]*wire.Error{
		`{"errCode":0}`: nil,
		`{"errCode":"0","responseCode":200,"modifyResponse":{},"callbackExt":""}`: nil,
		"\ufeff" + ` {"errCode": 0, "modifyResponse": null, "other": [1]} `:       nil,
		`{"errCode":0,"responseCode":20001}`:                                      nil, // the code is for refusals
		`{"errCode":1}`:                                                           {Code: 403, Note: "refused by the tenant's backend"},
		`{"errCode":-5,"callbackExt":null}`:                                       {Code: 403, Note: "refused by the tenant's backend"},
		`{"errCode":1,"responseCode":20000,"callbackExt":"no"}`:                   {Code: 20000, Note: "no"},
		`{"errCode":1,"responseCode":"20099"}`:                                    {Code: 20099, Note: "refused by the tenant's backend"},
		`{"errCode":1,"responseCode":20100}`:                                      {Code: 403, Note: "refused by the tenant's backend"},
		`{"errCode":1,"responseCode":200}`:                                        {Code: 403, Note: "refused by the tenant's backend"},
		`{"errCode":1,"responseCode":{}}`:                                         {Code: 403, Note: "refused by the tenant's backend"},
		`{"errCode":1,"callbackExt":{"a":1}}`:                                     {Code: 403, Note: `{"a":1}`},
	} {
		a, err := parseAnswer([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		err = a.verdict(state.CallbackMessage, true)
		var got *wire.Error
		if errors.As(err, &got) != (want != nil) || want != nil && *got != *want {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	for _, text := range []string{
		"", "null", "[]", "ok", `"0"`, "{}", `{"errCode":null}`, `{"errCode":""}`, `{"errCode":"no"}`, `{"errCode":true}`, `{"errCode":0.5}`,
		`{"errCode":0`, `{"errCode":0} {"errCode":0}`, `{"errCode":99999999999999999999}`, "<html>",
	} {
		if a, err := parseAnswer([]byte(text)); !errors.Is(err, errAnswer) {
			t.Errorf("%s: %+v, %v", text, a, err)
		}
	}
	refused, err := parseAnswer([]byte(`{"errCode":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if code := wire.CodeOf(refused.verdict(state.CallbackLogin, true)); code != wire.CodeWrongToken {
		t.Errorf("a refused login has code %d", code)
	}
	long, err := parseAnswer([]byte(`{"errCode":1,"callbackExt":"` + strings.Repeat("語", 2000) + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := long.extension(); got != strings.Repeat("語", maxExtension) {
		t.Errorf("an extension of %d characters", utf8.RuneCountInString(got))
	}
}

// FuzzAnswer: whatever a backend says is an error or a verdict that can be sent to
// a client.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{`{"errCode":0}`, `{"errCode":"1","responseCode":20001,"modifyResponse":{"a":1},"callbackExt":"\ud800"}`, `{"errCode":1,"callbackExt":[1]}`,
		`{"errCode":0,"modifyResponse":"{\"body\":\"x\",\"ext\":\"y\"}"}`, `{"errCode":0,"modifyResponse":{"attach":{"w":1}}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAnswer(b)
		if err != nil {
			if !errors.Is(err, errAnswer) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, q := range []*app.Question{{Event: state.CallbackLogin}, text("hello"), picture()} {
			change, served := a.change(q)
			if change != nil && (!served || q.Message == nil || change.Body == nil && change.Ext == nil) {
				t.Errorf("change %+v, served %v", change, served)
			}
			var refusal *wire.Error
			switch err := a.verdict(q.Event, served); {
			case err == nil:
				if *a.ErrCode != 0 || !served {
					t.Error("allowed in spite of its errCode or its change")
				}
			case !errors.As(err, &refusal):
				t.Errorf("%v is no *wire.Error", err)
			case !utf8.ValidString(refusal.Note) || utf8.RuneCountInString(refusal.Note) > maxExtension || refusal.Note == "":
				t.Errorf("note %q", refusal.Note)
			case refusal.Code != wire.CodeForbidden && refusal.Code != wire.CodeWrongToken && (refusal.Code < minOwnCode || refusal.Code > maxOwnCode):
				t.Errorf("code %d", refusal.Code)
			}
		}
	})
}
