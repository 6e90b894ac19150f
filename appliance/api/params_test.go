package api

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

var testParams = []param{
	{name: "accid", kind: account, required: true},
	{name: "toAccids", kind: accounts, max: 3},
	{name: "name", max: 4},
	{name: "body", kind: jsonText, max: 10},
	{name: "ope", kind: number, least: 1, most: 2},
	{name: "needkick", kind: boolean},
	{name: "tids", kind: teams, max: 2},
	{name: "members", kind: accounts, max: 2, mayBeEmpty: true},
}

func TestFormIsParsedByTheKindOfEachParameter(t *testing.T) {
	got, err := parseForm("ACCID=Alice&toaccids=[\"B\",\"b\",\"c\"]&name=%E4%BD%A0%E5%A5%BD&Body={}&ope=2&needKick=true&unknown=1&tids=[7,\"8\"]&members=[]", testParams)
	if err != nil {
		t.Fatal(err)
	}
	if got["accid"].text != "alice" {
		t.Errorf("an account is %q, want it in lower case", got["accid"].text)
	}
	if list := got["toAccids"].list; !slices.Equal(list, []string{"b", "c"}) {
		t.Errorf("accounts are %v, want each once and in lower case", list)
	}
	if list := got["tids"].list; !slices.Equal(list, []string{"7", "8"}) {
		t.Errorf("teams are %v, want numbers in either form", list)
	}
	if members := got["members"]; !members.given || len(members.list) != 0 {
		t.Errorf("a list that may be empty is %+v", members)
	}
	if got["name"].text != "你好" || got["body"].text != "{}" || got["ope"].number != 2 || !got["needkick"].flag {
		t.Errorf("parsed %+v", got)
	}
	if _, there := got["unknown"]; there {
		t.Error("an unknown parameter is passed on")
	}
}

func TestOfAParameterGivenTwiceTheFirstCounts(t *testing.T) {
	got, err := parseForm("accid=a&accid=b", testParams)
	if err != nil || got["accid"].text != "a" {
		t.Errorf("accid is %q, %v", got["accid"].text, err)
	}
}

func TestEmptyTextIsGivenAndOtherEmptyValuesAreNot(t *testing.T) {
	got, err := parseForm("accid=a&name=&ope=&needkick=&toAccids=&body=", testParams)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"name": true, "ope": false, "needkick": false, "toAccids": false, "body": false} {
		if got[name].given != want {
			t.Errorf("%s given: %v, want %v", name, got[name].given, want)
		}
	}
}

func TestBadParameters(t *testing.T) {
	for _, test := range []struct{ form, want string }{
		{"", "accid is missing"},
		{"accid=", "accid is missing"},
		{"accid=a%2Fb", "accid is not an account"},
		{"accid=" + strings.Repeat("a", 33), "accid is not an account"},
		{"accid=%E4%BD%A0", "accid is not an account"},
		{"accid=a&toAccids=b", "toAccids is not a JSON array"},
		{"accid=a&toAccids=[1]", "toAccids is not a JSON array"},
		{"accid=a&toAccids=[]", "toAccids is an empty array"},
		{`accid=a&toAccids=["a","b","c","d"]`, "toAccids has more than 3 elements"},
		{`accid=a&toAccids=["a",""]`, "toAccids has an element that is not an account"},
		{"accid=a&toAccids=null", "toAccids is not a JSON array"},
		{"accid=a&members=null", "members is not a JSON array"},
		{"accid=a&tids=7", "tids is not a JSON array of numbers"},
		{"accid=a&tids=[]", "tids is an empty array"},
		{"accid=a&tids=[1,2,3]", "tids has more than 2 elements"},
		{"accid=a&tids=[-1]", "tids has an element that is not a number of a team"},
		{`accid=a&tids=["x"]`, "tids has an element that is not a number of a team"},
		{"accid=a&name=abcde", "name has more than 4 characters"},
		{"accid=a&name=%ff", "name is not UTF-8"},
		{"accid=a&body={", "body is not JSON"},
		{`accid=a&body="1234567890"`, "body has more than 10 characters"},
		{"accid=a&ope=0", "ope is not a number from 1 to 2"},
		{"accid=a&ope=3", "ope is not a number from 1 to 2"},
		{"accid=a&ope=1.0", "ope is not a number from 1 to 2"},
		{"accid=a&needkick=maybe", "needkick is neither true nor false"},
		{"accid=%zz", "not form-urlencoded"},
		{"accid=a;b", "not form-urlencoded"},
	} {
		_, err := parseForm(test.form, testParams)
		if wire.CodeOf(err) != wire.CodeBadParameter || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want code 414 and %q", test.form, err, test.want)
		}
	}
}

// TestRegistryIsConsistent finds parameters that could never be given or would
// hide each other.
func TestRegistryIsConsistent(t *testing.T) {
	for name, act := range actions {
		if plannedActions[name] {
			t.Errorf("%s is both supported and planned", name)
		}
		if act.about == "" || act.serve == nil {
			t.Errorf("%s is incomplete", name)
		}
		if titleOf(groupOf(name)) == groupOf(name) {
			t.Errorf("%s is of a group that groups does not list", name)
		}
		codes := map[wire.Code]bool{wire.CodeOK: true}
		for _, o := range append(slices.Clone(commonCodes), act.codes...) {
			if codes[o.code] {
				t.Errorf("%s declares code %d twice, or as its own though every action has it", name, o.code)
			}
			codes[o.code] = true
		}
		checkAnswer(t, name, act.answerFields())
		seen := make(map[string]bool)
		for _, p := range act.params {
			if seen[strings.ToLower(p.name)] {
				t.Errorf("%s has parameter %s twice", name, p.name)
			}
			seen[strings.ToLower(p.name)] = true
			if p.kind == number && (p.least > p.most || p.most == 0) {
				t.Errorf("%s: no value fits parameter %s", name, p.name)
			}
			if p.kind != account && p.kind != number && p.kind != boolean && p.max == 0 {
				t.Errorf("%s: parameter %s has no limit", name, p.name)
			}
			if sample, _ := p.sample(); p.required && sample == "" {
				t.Errorf("%s: parameter %s is required and has no example", name, p.name)
			}
		}
		for _, ignored := range act.ignored {
			if seen[strings.ToLower(ignored)] {
				t.Errorf("%s: parameter %s is used and said to be ignored", name, ignored)
			}
		}
	}
}

// checkAnswer finds what the documents could not describe.
func checkAnswer(t *testing.T, name string, fields []resultField) {
	t.Helper()
	for i := range fields {
		f := &fields[i]
		form := f.form
		for isContainer(form) {
			if form.Kind() == reflect.Map && f.key != "accid" {
				t.Errorf("%s: the keys of %s are not declared", name, f.name)
			}
			form = form.Elem()
		}
		if form.Kind() == reflect.Struct {
			checkAnswer(t, name, resultFields(form))
		} else if form != rawJSON && len(schemaOf(form, "")) == 0 {
			t.Errorf("%s: field %s is of a type without a schema: %s", name, f.name, form)
		}
		if strings.Contains(f.outline(), "…") {
			t.Errorf("%s: tag %s with what its elements are, as in of:\"accid\"", name, f.name)
		}
	}
}

// FuzzParseForm holds that whatever the parser lets through is within the limits
// of the parameter.
func FuzzParseForm(f *testing.F) {
	f.Add("accid=Alice&toAccids=[\"b\"]&name=%E4%BD%A0&body={}&ope=1&needkick=1")
	f.Add("accid=a&tids=[1,\"2\"]&members=[]")
	f.Add("accid=a&accid=b&ACCID=&&=;%")
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parseForm(body, testParams)
		if err != nil {
			if wire.CodeOf(err) != wire.CodeBadParameter || !utf8.ValidString(err.Error()) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if name := got["accid"].text; name == "" || len(name) > 32 || name != strings.ToLower(name) {
			t.Fatalf("account %q", name)
		}
		if list := got["toAccids"].list; len(list) > 3 || slices.Contains(list, "") {
			t.Fatalf("accounts %q", list)
		}
		if list := got["tids"].list; len(list) > 2 || slices.ContainsFunc(list, func(id string) bool { return strings.Trim(id, "0123456789") != "" }) {
			t.Fatalf("teams %q", list)
		}
		if name := got["name"].text; !utf8.ValidString(name) || utf8.RuneCountInString(name) > 4 {
			t.Fatalf("name %q", name)
		}
		if n := got["ope"]; n.given && (n.number < 1 || n.number > 2) {
			t.Fatalf("number %d", n.number)
		}
		if _, err := url.ParseQuery(body); err != nil {
			t.Fatalf("accepted what is not a form: %q", body)
		}
	})
}
