package appliance_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

var randomKey = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestTenantIsCreatedWithDefaultsAndASecret(t *testing.T) {
	node := openNode(t, t.TempDir())
	a, err := node.CreateTenant(t.Context(), appliance.TenantRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if !randomKey.MatchString(a.AppKey) || !randomKey.MatchString(a.AppSecret) || a.AppKey == a.AppSecret {
		t.Errorf("appkey %q, secret %q", a.AppKey, a.AppSecret)
	}
	if a.DevicePolicy != "per-platform" || a.APIPerSecond != 100 || a.RecallSeconds != 120 || a.EditSeconds != 900 || a.MaxFriends != 3000 || a.MaxListed != 1000 || a.MaxTeamMembers != 500 || a.MaxTeams != 1000 || a.Presence != "everybody" || a.UserSearch != "exact" || a.MaxSubscriptions != 3000 || a.EventDays != 30 || a.EventCount != 100 || a.MaxMegaTeamMembers != 100_000 || a.MaxMegaTeams != 100 || a.Notify != "clients" || a.CreatedMs == 0 {
		t.Errorf("defaults: %+v", a)
	}
	b, err := node.CreateTenant(t.Context(), appliance.TenantRequest{
		AppKey: "my-app_1", Name: "我的应用", DevicePolicy: "all",
		RequestsPerSecond: 1, RequestBurst: 2, APIPerSecond: 3, RecallSeconds: 4, EditSeconds: 14, MaxFriends: 5, MaxListed: 6, MaxTeamMembers: 7, MaxTeams: 8,
		PresenceRequest:  appliance.PresenceRequest{Presence: "friends", UserSearch: "on", MaxSubscriptions: 9, EventDays: 10, EventCount: 11},
		MegaTeamsRequest: appliance.MegaTeamsRequest{MaxMegaTeamMembers: 12, MaxMegaTeams: 13},
		NotifyRequest:    appliance.NotifyRequest{Notify: "backend"},
		FilesRequest:     appliance.FilesRequest{FileDays: 30, FileMiB: 31, AccountFileMiB: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := appliance.TenantInfo{
		AppKey: "my-app_1", AppSecret: b.AppSecret, Name: "我的应用", DevicePolicy: "all",
		RequestsPerSecond: 1, RequestBurst: 2, APIPerSecond: 3, RecallSeconds: 4, EditSeconds: 14, MaxFriends: 5, MaxListed: 6, MaxTeamMembers: 7, MaxTeams: 8, CreatedMs: b.CreatedMs,
		PresenceInfo:  appliance.PresenceInfo{Presence: "friends", UserSearch: "on", MaxSubscriptions: 9, EventDays: 10, EventCount: 11},
		MegaTeamsInfo: appliance.MegaTeamsInfo{MaxMegaTeamMembers: 12, MaxMegaTeams: 13},
		NotifyInfo:    appliance.NotifyInfo{Notify: "backend"},
		FilesInfo:     appliance.FilesInfo{FileDays: 30, FileMiB: 31, AccountFileMiB: -1},
		RoomsInfo:     appliance.RoomsInfo{OpenRooms: "on", RoomsPerSession: 16, MaxRooms: 100_000, RoomHistory: 1000, RoomHistoryDays: 10},
		RetentionDays: 365, RetentionMessages: 1_000_000,
	}
	if b != want {
		t.Errorf("created %+v, want %+v", b, want)
	}
}

func TestTenantRequestsAreChecked(t *testing.T) {
	node := openNode(t, t.TempDir())
	if _, err := node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "taken"}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		request appliance.TenantRequest
		code    wire.Code
	}{
		{appliance.TenantRequest{AppKey: "taken"}, wire.CodeRepeated},
		{appliance.TenantRequest{AppKey: "a b"}, wire.CodeBadParameter},
		{appliance.TenantRequest{AppKey: strings.Repeat("a", 65)}, wire.CodeBadParameter},
		{appliance.TenantRequest{Name: strings.Repeat("n", 65)}, wire.CodeBadParameter},
		{appliance.TenantRequest{Name: "\xff"}, wire.CodeBadParameter},
		{appliance.TenantRequest{DevicePolicy: "none"}, wire.CodeBadParameter},
		{appliance.TenantRequest{PresenceRequest: appliance.PresenceRequest{Presence: "none"}}, wire.CodeBadParameter},
		{appliance.TenantRequest{NotifyRequest: appliance.NotifyRequest{Notify: "nobody"}}, wire.CodeBadParameter},
		{appliance.TenantRequest{PresenceRequest: appliance.PresenceRequest{UserSearch: "none"}}, wire.CodeBadParameter},
		{appliance.TenantRequest{PresenceRequest: appliance.PresenceRequest{EventDays: -1}}, wire.CodeBadParameter},
		{appliance.TenantRequest{PresenceRequest: appliance.PresenceRequest{EventDays: 400}}, wire.CodeBadParameter},
		{appliance.TenantRequest{FilesRequest: appliance.FilesRequest{FileDays: -2}}, wire.CodeBadParameter},
		{appliance.TenantRequest{FilesRequest: appliance.FilesRequest{FileMiB: 1 << 24}}, wire.CodeBadParameter},
		{appliance.TenantRequest{APIPerSecond: -1}, wire.CodeBadParameter},
		{appliance.TenantRequest{RequestBurst: 1 << 40}, wire.CodeBadParameter},
		{appliance.TenantRequest{NewSecret: true}, wire.CodeBadParameter},
	} {
		if _, err := node.CreateTenant(t.Context(), test.request); wire.CodeOf(err) != test.code {
			t.Errorf("creating %+v: %v, want code %d", test.request, err, test.code)
		}
	}
	for _, test := range []struct {
		request appliance.TenantRequest
		code    wire.Code
	}{
		{appliance.TenantRequest{}, wire.CodeBadParameter},
		{appliance.TenantRequest{AppKey: "nobody", Name: "x"}, wire.CodeNotFound},
		{appliance.TenantRequest{AppKey: "nobody", APIPerSecond: 1}, wire.CodeNotFound},
		{appliance.TenantRequest{AppKey: "taken", DevicePolicy: "none"}, wire.CodeBadParameter},
		{appliance.TenantRequest{AppKey: "taken", RecallSeconds: -1}, wire.CodeBadParameter},
	} {
		if _, err := node.UpdateTenant(t.Context(), test.request); wire.CodeOf(err) != test.code {
			t.Errorf("changing %+v: %v, want code %d", test.request, err, test.code)
		}
	}
}

func TestUpdateChangesOnlyWhatIsAsked(t *testing.T) {
	node := openNode(t, t.TempDir())
	created, err := node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "a", Name: "A", DevicePolicy: "all", APIPerSecond: 7})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := node.UpdateTenant(t.Context(), appliance.TenantRequest{AppKey: "a", RecallSeconds: 9})
	if err != nil {
		t.Fatal(err)
	}
	want := created
	want.AppSecret, want.RecallSeconds = "", 9
	if changed != want {
		t.Errorf("changed to %+v, want %+v", changed, want)
	}
	changed, err = node.UpdateTenant(t.Context(), appliance.TenantRequest{AppKey: "a", DevicePolicy: "per-platform", Name: "B"})
	want.DevicePolicy, want.Name = "per-platform", "B"
	if err != nil || changed != want {
		t.Errorf("changed to %+v, want %+v: %v", changed, want, err)
	}
	changed, err = node.UpdateTenant(t.Context(), appliance.TenantRequest{AppKey: "a", NewSecret: true})
	if err != nil || !randomKey.MatchString(changed.AppSecret) || changed.AppSecret == created.AppSecret {
		t.Errorf("new secret: %+v, %v", changed, err)
	}
}

func TestListOfTenantsHoldsNoSecret(t *testing.T) {
	node := openNode(t, t.TempDir())
	created, err := node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "a"})
	if err != nil {
		t.Fatal(err)
	}
	tenants, err := node.Tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tenants)
	if err != nil {
		t.Fatal(err)
	}
	if len(tenants) != 1 || tenants[0].AppKey != "a" || strings.Contains(string(text), created.AppSecret) || strings.Contains(string(text), "secret") {
		t.Errorf("tenants: %s", text)
	}
}
