package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

// preparation is what must be done before the example of an action can be served.
type preparation struct {
	first []string // actions whose examples are called before
	// adapt changes the examples of first.
	adapt func(params map[string]string, answers map[string]map[string]any)
	// fill replaces what only an answer can tell; it is given those of first.
	fill func(params map[string]string, answers map[string]map[string]any)
	// code is what the example answers when it needs a device that is online, which
	// only package matrix has; 0 is 200.
	code int
}

// inTeam is for what is done to the team that the example of team/create makes.
var inTeam = preparation{first: []string{"team/create"}, fill: fillTeam}

func fillTeam(params map[string]string, answers map[string]map[string]any) {
	if tid, ok := answers["team/create"]["tid"].(string); ok && params["tid"] != "" {
		params["tid"] = tid
	}
}

// inMega is inTeam for the superteam that the example of superteam/create makes.
var inMega = preparation{first: []string{"superteam/create"}, fill: func(params map[string]string, answers map[string]map[string]any) {
	params["tid"] = answers["superteam/create"]["tid"].(string)
}}

// askTeam sends the example of msg/sendMsg to the team, asking who has read it.
func askTeam(params map[string]string, answers map[string]map[string]any) {
	if answers["team/create"] != nil {
		params["ope"], params["markRead"], params["to"] = "1", "1", answers["team/create"]["tid"].(string)
	}
}

// fillAsked names the message of the example of msg/sendMsg, which was sent to the
// team and asks who has read it.
func fillAsked(params map[string]string, answers map[string]map[string]any) {
	fillTeam(params, answers)
	params["msgid"] = fmt.Sprint(answers["msg/sendMsg"]["data"].(map[string]any)["msgid"])
}

func fillBroadcast(params map[string]string, answers map[string]map[string]any) {
	params["broadcastId"] = fmt.Sprint(answers["msg/broadcastMsg"]["msg"].(map[string]any)["broadcastId"])
}

// fillMessage names the message that the example of msg/sendMsg sends.
func fillMessage(params map[string]string, answers map[string]map[string]any) {
	data := answers["msg/sendMsg"]["data"].(map[string]any)
	params["timetag"] = fmt.Sprint(data["timetag"])
	for _, name := range []string{"msgid", "deleteMsgid"} {
		if params[name] != "" {
			params[name] = fmt.Sprint(data["msgid"])
		}
	}
}

var preparations = map[string]preparation{
	"user/deleteState": {first: []string{"user/delete"}},

	"friend/update":     {first: []string{"friend/add"}},
	"friend/getByAccid": {first: []string{"friend/add"}},
	"msg/recall": {first: []string{"msg/sendMsg"}, fill: func(params map[string]string, answers map[string]map[string]any) {
		data := answers["msg/sendMsg"]["data"].(map[string]any)
		params["deleteMsgid"], params["timetag"] = fmt.Sprint(data["msgid"]), fmt.Sprint(data["timetag"])
	}},
	"msg/delMsgOneWay": {first: []string{"msg/sendMsg"}, fill: fillMessage},
	"msg/delMsg":       {first: []string{"msg/sendMsg"}, fill: fillMessage},
	"msg/modifyMsg":    {first: []string{"msg/sendMsg"}, fill: fillMessage},
	"msg/reactMsg":     {first: []string{"msg/sendMsg"}, fill: fillMessage},
	"msg/pinMsg":       {first: []string{"msg/sendMsg"}, fill: fillMessage},
	"msg/delMsgSelf":   {first: []string{"msg/sendMsg"}, fill: fillMessage},
	"msg/markReadMsg": {first: []string{"msg/sendMsg", "history/querySessionMsg"}, fill: func(params map[string]string, answers map[string]map[string]any) {
		if history := answers["history/querySessionMsg"]; history != nil {
			params["msgidClient"] = fmt.Sprint(history["msgs"].([]any)[0].(map[string]any)["msgidclient"])
		}
	}},
	"history/queryBroadcastMsgById": {first: []string{"msg/broadcastMsg"}, fill: fillBroadcast},
	"history/delBroadcastMsgById":   {first: []string{"msg/broadcastMsg"}, fill: fillBroadcast},
	"team/query": {first: []string{"team/create"}, fill: func(params map[string]string, answers map[string]map[string]any) {
		params["tids"] = "[" + answers["team/create"]["tid"].(string) + "]"
	}},
	"team/getMarkReadInfo": {first: []string{"team/create", "msg/sendMsg"}, fill: fillAsked, adapt: askTeam},
	"msg/markReadTeamMsg":  {first: []string{"team/create"}, fill: fillTeam},
	"team/listOnlineUsers": inTeam,

	"superteam/invite":          inMega,
	"superteam/kick":            inMega,
	"superteam/leave":           inMega,
	"superteam/dismiss":         inMega,
	"superteam/updateTinfo":     inMega,
	"superteam/changeLevel":     inMega,
	"superteam/updateTlist":     inMega,
	"superteam/updateTeamNick":  inMega,
	"superteam/addManager":      inMega,
	"superteam/removeManager":   inMega,
	"superteam/changeOwner":     inMega,
	"superteam/mute":            inMega,
	"superteam/muteTlist":       inMega,
	"superteam/getTlists":       inMega,
	"superteam/getMuteTlists":   inMega,
	"superteam/sendMsg":         inMega,
	"superteam/queryHistoryMsg": inMega,
	"superteam/sendAttachMsg": {first: []string{"superteam/create"}, fill: func(params map[string]string, answers map[string]map[string]any) {
		params["to"] = answers["superteam/create"]["tid"].(string)
	}},
	"superteam/recallMsg": {first: []string{"superteam/create", "superteam/sendMsg"}, fill: func(params map[string]string, answers map[string]map[string]any) {
		data := answers["superteam/sendMsg"]["data"].(map[string]any)
		params["deleteMsgid"], params["timetag"] = fmt.Sprint(data["msgid"]), fmt.Sprint(data["timetag"])
		params["to"] = answers["superteam/create"]["tid"].(string)
	}},

	"team/updateTeamNick":  inTeam,
	"team/add":             inTeam,
	"team/addManager":      inTeam,
	"team/changeOwner":     inTeam,
	"team/kick":            inTeam,
	"team/leave":           inTeam,
	"team/listTeamMute":    inTeam,
	"team/muteTeam":        inTeam,
	"team/muteTlist":       inTeam,
	"team/muteTlistAll":    inTeam,
	"team/queryDetail":     inTeam,
	"team/remove":          inTeam,
	"team/removeManager":   inTeam,
	"team/update":          inTeam,
	"history/queryTeamMsg": inTeam,
}

// TestEachExampleIsServed calls every action over HTTP with the example of the
// document, at a real node, each for a tenant of its own. When it fails for an
// action that you have added: give its parameters examples, for the accounts
// alice, bob and carol; or say in preparations what must be done before.
func TestEachExampleIsServed(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	server := httptest.NewServer(node.API(accessPoints...))
	defer server.Close()
	actions := documentedActions(t)
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, node, appliance.TenantRequest{})
			b.accounts("alice", "bob", "carol")
			answers := make(map[string]map[string]any)
			for _, step := range append(preparations[name].first, name) {
				params := actions[step].example()
				if adapt := preparations[name].adapt; adapt != nil && step != name {
					adapt(params, answers)
				}
				if fill := preparations[step].fill; fill != nil {
					fill(params, answers)
				}
				answer := b.post(server, step, params)
				answers[step] = answer
				want := 200
				if code := preparations[step].code; code != 0 {
					want = code
				}
				if fmt.Sprint(answer["code"]) != fmt.Sprint(want) {
					t.Fatalf("%s %v answers %v", step, params, answer)
				}
			}
		})
	}
}

// post calls an action over HTTP.
func (b *backend) post(server *httptest.Server, action string, params map[string]string) map[string]any {
	b.t.Helper()
	var list []string
	for name, value := range params {
		list = append(list, name, value)
	}
	signed := b.request(action, list...)
	r, err := http.NewRequestWithContext(b.t.Context(), signed.Method, server.URL+signed.URL.Path, signed.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header = signed.Header
	response, err := server.Client().Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	checkDocumented(b.t, signed.URL.Path, string(body))
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var answer map[string]any
	if err := decoder.Decode(&answer); err != nil {
		b.t.Fatal(err)
	}
	return answer
}

// TestParserKeepsToTheDocument tries each documented limit of each parameter,
// from outside: it reads openapi.json and nothing of the registry.
func TestParserKeepsToTheDocument(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	tried := 0
	for name, action := range documentedActions(t) {
		b := newBackend(t, node, appliance.TenantRequest{APIPerSecond: 1 << 20})
		// Some actions may be called ten times a minute, or five times a day.
		try := func() {
			if tried++; tried%4 == 0 {
				b = newBackend(t, node, appliance.TenantRequest{APIPerSecond: 1 << 20})
			}
		}
		refuses := func(why, param, value string) {
			t.Helper()
			try()
			params := action.example()
			params[param] = value
			if value == "" {
				delete(params, param)
			}
			if got := b.callWith(name, params); !strings.HasPrefix(got, `{"code":414,"desc":"parameter `+param+` `+why) {
				t.Errorf("%s with %s = %.40q answers %s, want a refusal that it %s", name, param, value, got, why)
			}
		}
		passes := func(param, value string) {
			t.Helper()
			try()
			params := action.example()
			params[strings.ToUpper(param)] = value
			delete(params, param)
			if got := b.callWith(name, params); strings.Contains(got, "parameter "+param+" ") && !strings.Contains(got, "after endtime") {
				t.Errorf("%s with %s = %.40q answers %s, want it to pass the parser", name, strings.ToUpper(param), value, got)
			}
		}
		form := action.form()
		for _, param := range form.Schema.Required {
			refuses("is missing", param, "")
		}
		for param, p := range form.Schema.Properties {
			switch {
			case p.Ref == "#/components/schemas/Account":
				passes(param, strings.Repeat("A", 32))
				refuses("is not an account", param, strings.Repeat("a", 33))
				refuses("is not an account", param, "a b")
			case p.ContentEncoding == "base64":
				passes(param, "SGVsbG8=")
				refuses("is not base64", param, "SGVsbG8")
				refuses("is not base64", param, "%%%%")
			case p.Format == "binary":
				passes(param, "\xff")
			case p.Type == "boolean":
				passes(param, "false")
				refuses("is neither true nor false", param, "maybe")
			case p.Type == "integer":
				for _, limit := range []struct {
					at   *json.Number
					past int64
				}{{p.Minimum, -1}, {p.Maximum, 1}} {
					if limit.at == nil {
						refuses("is not a number", param, "9223372036854775808")
						continue
					}
					n, err := limit.at.Int64()
					if err != nil {
						t.Fatal(err)
					}
					passes(param, strconv.FormatInt(n, 10))
					refuses("is not a number", param, strconv.FormatInt(n+limit.past, 10))
				}
				refuses("is not a number", param, "x")
			case p.ContentSchema != nil:
				refuses("is not a JSON array", param, "x")
				refuses("has more than", param, elements(p.ContentSchema.MaxItems+1))
				if p.ContentSchema.MinItems == 1 {
					refuses("is an empty array", param, "[]")
				} else {
					passes(param, "[]")
				}
			case p.Type == "string" && p.ContentMediaType == "application/json":
				passes(param, jsonText(p.MaxLength))
				refuses("has more than", param, jsonText(p.MaxLength+1))
				refuses("is not JSON", param, "{")
			case p.Type == "string":
				refuses("has more than", param, strings.Repeat("字", p.MaxLength+1))
				refuses("is not UTF-8", param, "\xff")
			default:
				t.Errorf("%s: parameter %s has a form that this test does not know: %+v", name, param, p)
			}
		}
		// What is not declared changes nothing.
		params := action.example()
		params["noSuchParameter"] = "\xff"
		if got := b.callWith(name, params); strings.Contains(got, "noSuchParameter") {
			t.Errorf("%s: an undeclared parameter is answered %s", name, got)
		}
	}
	if tried < 100 {
		t.Errorf("only %d limits were tried", tried)
	}
}

// jsonText is JSON of n characters, which may be the body of a text.
func jsonText(n int) string {
	return `{"msg":"` + strings.Repeat("字", n-len(`{"msg":""}`)) + `"}`
}

// elements is a JSON array of n that is an array of accounts, and of numbers.
func elements(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = `"` + strconv.Itoa(i) + `"`
	}
	return "[" + strings.Join(list, ",") + "]"
}

func (b *backend) callWith(action string, params map[string]string) string {
	b.t.Helper()
	var list []string
	for name, value := range params {
		list = append(list, name, value)
	}
	return b.call(action, list...)
}
