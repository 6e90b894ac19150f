package callback

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// picture is a question about a message whose body is JSON.
func picture() *app.Question {
	return &app.Question{Event: state.CallbackTeamMessage, Account: "alice", Message: &wire.SendRequest{To: "12", ClientId: "id", Type: 1, Body: `{"w":1}`}}
}

func TestChanges(t *testing.T) {
	login := &app.Question{Event: state.CallbackLogin, Account: "alice"}
	for _, test := range []struct {
		question  *app.Question
		modify    string
		body, ext string // "-" is none
		served    bool
	}{
		{text("x"), `null`, "-", "-", true},
		{text("x"), `""`, "-", "-", true},
		{text("x"), `"{}"`, "-", "-", true},
		{text("x"), `{}`, "-", "-", true},
		{text("x"), `{"body":"","attach":null,"ext":{}}`, "-", "-", true},
		{text("x"), `{"body":"***"}`, "***", "-", true},
		{text("x"), `{"body":"***","ext":"e"}`, "***", "e", true},
		{text("x"), `"{\"body\":\"***\"}"`, "***", "-", true},
		{text("x"), `{"ext":"e","attach":null}`, "-", "e", true},
		{text("x"), `{"body":{"a":1}}`, "-", "-", false},
		{text("x"), `{"attach":"{}"}`, "-", "-", false},
		{text("x"), `{"body":5}`, "-", "-", false},
		{text("x"), `{"ext":{"a":1}}`, "-", "-", false},
		{text("x"), `{"to":"mallory"}`, "-", "-", false},
		{text("x"), `[]`, "-", "-", false},
		{text("x"), `"***"`, "-", "-", false},
		{picture(), `{"attach":{"w":2}}`, `{"w":2}`, "-", true},
		{picture(), `{"attach":"{\"w\":2}"}`, `{"w":2}`, "-", true},
		{picture(), `{"body":{"w":2}}`, `{"w":2}`, "-", true},
		{login, `{}`, "-", "-", true},
		{login, `{"body":"x"}`, "-", "-", false},
	} {
		a, err := parseAnswer([]byte(`{"errCode":0,"modifyResponse":` + test.modify + `}`))
		if err != nil {
			t.Fatalf("%s: %v", test.modify, err)
		}
		change, served := a.change(test.question)
		body, ext := "-", "-"
		if change != nil && change.Body != nil {
			body = *change.Body
		}
		if change != nil && change.Ext != nil {
			ext = *change.Ext
		}
		if served != test.served || served && (body != test.body || ext != test.ext) || (change != nil) != (body != "-" || ext != "-") && served {
			t.Errorf("%s: body %q, ext %q, served %v", test.modify, body, ext, served)
		}
		if code := wire.CodeOf(a.verdict(test.question.Event, served)); (code == wire.CodeOK) != test.served {
			t.Errorf("%s: code %d", test.modify, code)
		}
	}
	refusal, err := parseAnswer([]byte(`{"errCode":1,"modifyResponse":{"body":"x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if change, served := refusal.change(text("x")); change != nil || !served {
		t.Errorf("a refusal changes to %+v", change)
	}
}
