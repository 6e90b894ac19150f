package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/lbs"
)

// accessPoints are those of the tests' nodes; nobody connects there.
var accessPoints = []lbs.AccessPoint{
	{Transport: lbs.TransportLink, Address: "link1.example.org:7400"},
	{Transport: lbs.TransportWebLink, Address: "web1.example.org:443"},
	{Transport: lbs.TransportLink, Address: "link2.example.org:7400"},
	{Transport: lbs.TransportWebLink, Address: ":8443"},
	{Transport: lbs.TransportLink, Address: "link3.example.org:7400"},
	{Transport: lbs.TransportLink, Address: "gray.example.org:7400", Env: "gray"},
}

// TestABackendIsToldWhatItsAppsAreTold asks LBS and the API of the same node over
// HTTP about many rooms.
func TestABackendIsToldWhatItsAppsAreTold(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	mux := http.NewServeMux()
	mux.Handle("/lbs", node.LBS(accessPoints))
	mux.Handle("/nimserver/", node.API(accessPoints...))
	server := httptest.NewServer(mux)
	defer server.Close()
	b := newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice")

	orders := map[string]bool{}
	for range 20 {
		room := b.newRoom("alice")
		for _, c := range []struct{ clientType, transport string }{{"1", "weblink"}, {"2", "link"}, {"3", "weblink"}, {"", "weblink"}} {
			answer := b.post(server, "chatroom/requestAddr", map[string]string{"roomid": room, "accid": "alice", "clienttype": c.clientType, "clientip": "203.0.113.7"})
			var got []string
			for _, address := range answer["addr"].([]any) {
				got = append(got, address.(string))
			}
			want := askLBS(t, server, "k="+b.appKey+"&id=alice&room="+room+"&transport="+c.transport)
			if !slices.Equal(got, want) {
				t.Errorf("room %s, clienttype %q: the API answers %v, LBS %v", room, c.clientType, got, want)
			}
			orders[c.transport+got[0]] = true
		}
	}
	if len(orders) < 4 {
		t.Errorf("20 rooms are sent to %v first: they are not spread", orders)
	}
}

// askLBS returns the addresses that LBS answers a client.
func askLBS(t *testing.T, server *httptest.Server, query string) []string {
	t.Helper()
	response, err := server.Client().Get(server.URL + "/lbs?" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer lbs.Response
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, p := range answer.AccessPoints {
		addresses = append(addresses, p.Address)
	}
	return addresses
}

func TestWhoMayNotEnterGetsNoAddress(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b := newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice", "bob")
	room := b.newRoom("alice")
	ask := func(code int, account, clientType string) {
		t.Helper()
		b.wantCode(code, "chatroom/requestAddr", "roomid", room, "accid", account, "clienttype", clientType)
	}
	ask(200, "bob", "2")
	ask(404, "nobody", "2")
	ask(414, "bob", "4")
	b.wantCode(200, "chatroom/setMemberRole", "roomid", room, "operator", "alice", "target", "bob", "opt", "-1", "optvalue", "true")
	ask(13003, "bob", "2")
	ask(200, "alice", "2")
	b.wantCode(200, "chatroom/toggleCloseStat", "roomid", room, "operator", "alice", "valid", "false")
	ask(13002, "alice", "2")
	b.wantCode(200, "chatroom/toggleCloseStat", "roomid", room, "operator", "alice", "valid", "true")

	other := newBackend(t, node, appliance.TenantRequest{})
	other.accounts("alice")
	other.wantError(404, "there is no such room", "chatroom/requestAddr", "roomid", room, "accid", "alice")

	w := httptest.NewRecorder()
	node.API(accessPoints[0]).ServeHTTP(w, b.request("chatroom/requestAddr", "roomid", room, "accid", "alice"))
	got := decode[map[string]any](t, w.Body.String())
	if want := map[string]any{"code": 404.0, "desc": `no access point for transport "weblink"`}; !reflect.DeepEqual(got, want) {
		t.Errorf("without an access point for browsers: %v, want %v", got, want)
	}
}
