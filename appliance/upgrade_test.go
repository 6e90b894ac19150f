package appliance_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// oldNode is a data folder that an older build has left behind as after a crash:
// with a snapshot, and a state that lacks what is only in the log. testdata/upgrade
// has one of a build that knew accounts and messages (messages.tar.zst), and one of
// the last build of format 1, with relations, teams and a callback (teams.tar.zst).
// questions.json in them is what that build answered.
type oldNode struct {
	Build     string
	AppSecret string          `json:"app_secret"`
	Tenant    json.RawMessage // an appliance.TenantInfo of then
	Token     string          // before the account's name
	Team      string
	Questions []oldQuestion
}

// oldQuestion is one that a client asks, or the tenant's backend.
type oldQuestion struct {
	Account, Request string // over Link
	Ask              json.RawMessage
	Action           string // of the API
	Params           []string
	Answer           json.RawMessage
}

// unpack makes dir the data folder of name.
func unpack(t *testing.T, name, dir string) *oldNode {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", "upgrade", name+".tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := zstd.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	old := new(oldNode)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return old
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		switch {
		case h.Name == "questions.json":
			if err := json.NewDecoder(r).Decode(old); err != nil {
				t.Fatal(err)
			}
		case h.Typeflag == tar.TypeDir:
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
		default:
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDataOfOlderBuildsGoesOn: a node of this build opens what an older one has
// left, gives the answers that it gave, goes on writing, and does all that again
// after a restart.
func TestDataOfOlderBuildsGoesOn(t *testing.T) {
	for _, name := range []string{"messages", "teams"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			old := unpack(t, name, dir)
			tenant := old.tenant(t)
			for round := range 2 {
				node := openNode(t, dir)
				if f := node.Status().Store.Format; f != state.Format {
					t.Errorf("format %d, want %d", f, state.Format)
				}
				checkTenant(t, node, old)
				address := listen(t, node)
				old.ask(t, node, address)
				alice := login(t, node, address, tenant.AppKey, "alice", old.Token+"alice")
				bob := login(t, node, address, tenant.AppKey, "bob", old.Token+"bob")
				blocked, err := dial(t, node, address)
				if err != nil {
					t.Fatal(err)
				}
				in := &wire.LoginRequest{AppKey: tenant.AppKey, Account: "erin", Token: old.Token + "erin", DeviceId: "d"}
				if code := blocked.do(wire.CmdLogin, in, nil); code != wire.CodeBlocked {
					t.Errorf("a blocked account: code %d", code)
				}
				// New things, with accounts and a team that are older.
				if sent := alice.send("dave", fmt.Sprint("new ", round)); sent.Seq != uint64(round+1) {
					t.Errorf("a new conversation begins at %d", sent.Seq)
				}
				if old.Team != "" {
					bob.want(wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: old.Team, ClientId: fmt.Sprint("new", round), Body: "new"}, nil)
					var push wire.MessagePush
					if alice.push(wire.PushMessage, &push); push.Message.To != old.Team || push.Message.Body != "new" {
						t.Errorf("alice got %v", &push)
					}
				}
				fresh := fmt.Sprint("fresh", round)
				if got := callAPI(t, node, tenant, "user/create", "accid", fresh, "token", "t"); !strings.HasPrefix(got, `{"code":200`) {
					t.Errorf("a new account: %s", got)
				}
				if got := callAPI(t, node, tenant, "friend/add", "accid", fresh, "faccid", "dave", "type", "1"); !strings.HasPrefix(got, `{"code":200`) {
					t.Errorf("a new friend: %s", got)
				}
				old.forget("alice", "bob", "dave", old.Team) // they have others now
				if len(old.Questions) == 0 {
					t.Error("nothing is left to ask")
				}
				if err := node.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// tenant is the tenant as its backend knows it.
func (o *oldNode) tenant(t *testing.T) (tenant appliance.TenantInfo) {
	t.Helper()
	if err := json.Unmarshal(o.Tenant, &tenant); err != nil {
		t.Fatal(err)
	}
	tenant.AppSecret = o.AppSecret
	return tenant
}

// checkTenant compares what the tenant was with what it is.
func checkTenant(t *testing.T, node *appliance.Node, old *oldNode) {
	t.Helper()
	tenants, err := node.Tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(tenants) != 2 || tenants[1].AppKey != "other" {
		t.Errorf("tenants %+v", tenants)
	}
	is, err := json.Marshal(tenants[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range missing("tenant", jsonOf(t, old.Tenant), jsonOf(t, is)) {
		t.Error(d)
	}
}

// ask asks what was asked then, and wants all of the answer to be there still.
func (o *oldNode) ask(t *testing.T, node *appliance.Node, address string) {
	t.Helper()
	tenant := o.tenant(t)
	devices := map[string]*client{}
	for _, q := range o.Questions {
		var got []byte
		what := q.Action
		if what != "" {
			got = []byte(callAPI(t, node, tenant, q.Action, q.Params...))
		} else {
			what = q.Account + " " + q.Request + " " + string(q.Ask)
			if devices[q.Account] == nil {
				devices[q.Account] = login(t, node, address, tenant.AppKey, q.Account, o.Token+q.Account)
			}
			got = askJSON(t, devices[q.Account], q.Request, q.Ask)
		}
		was, is := jsonOf(t, q.Answer), jsonOf(t, got)
		for _, answer := range []any{was, is} {
			if m, ok := answer.(map[string]any); ok && q.Request == "sync" {
				delete(m, "version") // the site's counter
			}
		}
		for _, d := range missing("", was, is) {
			t.Errorf("%s of %s: %s", what, o.Build, d)
		}
	}
}

// askJSON asks a request in its JSON form, and returns the answer's, or its code.
func askJSON(t *testing.T, c *client, name string, ask []byte) []byte {
	t.Helper()
	i := slices.IndexFunc(wire.Requests(), func(cmd wire.Command) bool { return cmd.String() == name })
	if i < 0 {
		t.Fatalf("there is no request %s any more", name)
	}
	var camel strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		camel.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	in, out := messageOf(t, camel.String()+"Request"), messageOf(t, camel.String()+"Response")
	if err := protojson.Unmarshal(ask, in); err != nil {
		t.Fatal(err)
	}
	if code := c.do(wire.Requests()[i], in, out); code != wire.CodeOK {
		return strconv.AppendInt(nil, int64(code), 10)
	}
	text, err := protojson.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func messageOf(t *testing.T, name string) interface {
	proto.Message
	message
} {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("yizhan.wire.v1." + name))
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface().(interface {
		proto.Message
		message
	})
}

func jsonOf(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// missing lists what of was is not in is. There may be more fields in is.
func missing(path string, was, is any) (found []string) {
	switch was := was.(type) {
	case map[string]any:
		m, ok := is.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: is %v instead of an object", path, is)}
		}
		for key, value := range was {
			found = append(found, missing(path+"."+key, value, m[key])...)
		}
	case []any:
		list, ok := is.([]any)
		if !ok || len(list) != len(was) {
			return []string{fmt.Sprintf("%s: is %v, was %v", path, is, was)}
		}
		for i := range was {
			found = append(found, missing(fmt.Sprintf("%s[%d]", path, i), was[i], list[i])...)
		}
	default:
		if was != is {
			found = append(found, fmt.Sprintf("%s: is %v, was %v", path, is, was))
		}
	}
	return found
}

// forget drops the questions of these accounts, or whose text has one of these.
func (o *oldNode) forget(changed ...string) {
	o.Questions = slices.DeleteFunc(o.Questions, func(q oldQuestion) bool {
		return slices.ContainsFunc(changed, func(c string) bool {
			return q.Account == c || slices.Contains(q.Params, c) || c != "" && strings.Contains(string(q.Ask), `"`+c+`"`)
		})
	})
}
