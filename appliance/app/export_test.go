package app

import (
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestExportNamesFilesAndDevices that package api has no way to make.
func TestExportNamesFilesAndDevices(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.login("alice")
	w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	w.account("bob")
	id := strings.Repeat("a", 32)
	for i, account := range []string{"alice", "bob"} {
		res, err := propose[*state.FileResult](t.Context(), w.app, &state.StoreFile{
			TimeMs: w.app.now().UnixMilli(), Tenant: w.tenant.ID, Account: account, ID: id[:31] + string(rune('a'+i)), Size: 60, Type: "image/png",
		})
		if err != nil || res.Code != wire.CodeOK {
			t.Fatalf("a file: %+v %v", res, err)
		}
	}
	devices, files := map[string]bool{}, map[string]bool{}
	for cursor, more := "", true; more; more = cursor != "" {
		items, next, err := w.app.Export(t.Context(), w.tenant.AppKey, "alice", cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			switch plain := item.Plain.(type) {
			case *ExportDevice:
				devices[plain.DeviceID] = true
			case *ExportFile:
				files[plain.ID] = true
			}
		}
		cursor = next
	}
	if len(devices) != 2 || !devices["phone"] || !devices["desk"] {
		t.Errorf("devices: %v", devices)
	}
	if len(files) != 1 || !files[id] {
		t.Errorf("files: %v", files)
	}
}
