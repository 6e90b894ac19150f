package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

type row interface {
	append(dst []byte) []byte
	decode(b []byte) error
}

// emptyRows has one of each kind.
func emptyRows() []row {
	return append(emptyPresenceRows(), []row{new(siteRow), new(convRow), new(clientRow), new(Tenant), new(accountRow), new(devicesRow),
		new(relationRow), new(relationTotals), new(storageInfoRow), new(storageLockRow), new(storageTotalsRow),

		new(teamHead), new(memberRow), new(conversationSetting), new(inboxRow), new(standingRow), new(teamAccountRow), new(applicantRow), new(teamAccountRow), new(megaTeamRow), new(megaGoneRow), new(Tenant),
		new(teamHead),
		new(versionCount), new(upgradeRow),
		new(tombstoneRow), new(removalRow), new(conversationSetting),
		new(fileRow), new(fileTotals), new(FileJob), new(deletionPlace)}...)
}

func fullRows() []row {
	return append(fullPresenceRows(), []row{
		&siteRow{counter: 1 << 60, clockMs: testTime, tenants: 3},
		&convRow{id: 1, lastSeq: 2, version: 3, timeMs: testTime, readA: 4, readB: 5},
		&clientRow{seq: 1, id: 2, timeMs: testTime},
		&Tenant{AppKey: "app", Secret: "secret", Name: "name", Limits: fullLimits(), CreatedMs: testTime},
		&accountRow{createdMs: testTime, blocked: true, tokenHash: HashToken("", "", "")},
		&devicesRow{lastDevice: "phone", lastPlatform: wire.Platform_PLATFORM_IOS, lastLoginMs: testTime, devices: []device{{"phone", 7, 0}, {"desk", 0, 0}}},
		&relationRow{
			friend: true, muted: true, request: requestRefused, friendMs: testTime, requestMs: testTime + 1, updatedMs: testTime + 2,
			version: 1 << 60, alias: "alias", ex: "ex", serverEx: "server", note: "note",
		},
		&relationTotals{version: 9, floor: 8, mode: wire.FriendMode_FRIEND_MODE_VERIFY, friends: 1, sent: 2, received: 3, blacklisted: 4, muted: 5, spare: 6},
		&storageInfoRow{modifiedMs: testTime, size: 5},
		&storageLockRow{owner: StorageOwner{"n1", 2, 3}, fence: 4, expiresMs: testTime},
		&storageTotalsRow{entries: 1, bytes: 2, locks: 3},
		&teamHead{lastSeq: 1, version: 2, timeMs: testTime, infoVersion: 3, members: 4, managers: 5, applications: 6, applied: 7, mute: 3, dismissed: true},
		&memberRow{role: 2, muted: true, joinedMs: testTime, inviter: "b", nick: "nick", custom: "custom"},
		&conversationSetting{top: true, muted: true, marked: true, markedSeq: 1, removedSeq: 2, clearedSeq: 3, updatedMs: testTime, version: 4, ext: "ext"},
		&inboxRow{version: 9, floor: 8, tops: 1, held: 2, rest: 3, dnd: doNotDisturb{on: true, desktop: true, hasQuiet: true, quiet: quietHours{from: 1, to: 2, offset: -3, weekdays: 4}}},
		&standingRow{standing: 2, version: 1, timeMs: testTime, firstSeq: 2, readSeq: 3, notifyOff: true, by: "b", note: "note"},
		&teamAccountRow{joined: 1, quiet: 2},
		&applicantRow{timeMs: testTime, note: "note"},
		&teamAccountRow{joined: 1, quiet: 2, mega: 3},
		&megaTeamRow{since: 4},
		&megaGoneRow{version: 5, by: "b"},
		&Tenant{AppKey: "app", Secret: "secret", Callback: Callback{URL: "https://a/b", Events: 15, FailClosed: true, TimeoutMs: 5}, CreatedMs: testTime},
		&teamHead{lastSeq: 1, version: 2, timeMs: testTime, members: 4, flags: headMega, notified: 9, receiptSeq: 8},
		&versionCount{version: 300, count: 2},
		&upgradeRow{step: 1, after: "\x13\x00\x00name"},
		&tombstoneRow{removedMs: testTime, doneMs: testTime + 1, born: 300},
		&removalRow{stage: RemovalTeams, erase: true, startedMs: testTime, tokenHash: HashToken("", "", ""), after: "after"},
		&conversationSetting{former: true, removedSeq: 2, clearedSeq: 3},
		&fileRow{account: "a", createdMs: testTime, expiresMs: testTime + 1, size: 2, mime: "image/png", tag: "tag"},
		&fileTotals{files: 300, bytes: 2},
		&FileJob{FromMs: 1, ToMs: testTime, Type: "image/png", Tag: "tag", Account: "a"},
		&deletionPlace{version: 300},
	}...)
}

func TestRowsSurviveEncoding(t *testing.T) {
	for i, full := range fullRows() {
		encoded := full.append(nil)
		got := emptyRows()[i]
		if err := got.decode(encoded); err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", full) {
			t.Errorf("%T: %+v %v, want %+v", full, got, err, full)
		}
		for n := range encoded {
			if err := emptyRows()[i].decode(encoded[:n]); err == nil {
				t.Errorf("%T cut to %d of %d bytes is accepted", full, n, len(encoded))
			}
		}
		encoded[0]++
		if err := emptyRows()[i].decode(encoded); err == nil {
			t.Errorf("%T of another version is accepted", full)
		}
	}
}

// FuzzRow: any bytes are refused or decoded, and what was decoded can be stored
// and decoded again.
func FuzzRow(f *testing.F) {
	for i, r := range fullRows() {
		f.Add(byte(i), r.append(nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		i := int(kind) % len(emptyRows())
		r, again := emptyRows()[i], emptyRows()[i]
		if r.decode(b) != nil {
			return
		}
		encoded := r.append(nil)
		if err := again.decode(encoded); err != nil || !bytes.Equal(again.append(nil), encoded) {
			t.Fatalf("%+v became %+v: %v", r, again, err)
		}
	})
}

// TestKeysDoNotMeet: no two things have the same key, and a prefix scan of one
// account meets no other's.
func TestKeysDoNotMeet(t *testing.T) {
	names := []string{"a", "aa", "ab", "b", "\x01a", "a\x01"}
	seen := map[string]string{}
	add := func(what string, key []byte) {
		if other := seen[string(key)]; other != "" {
			t.Errorf("%s and %s share a key", what, other)
		}
		seen[string(key)] = what
	}
	add("format", keyFormat)
	add("site", keySite)
	add("storage totals", keyStorageTotals)
	for _, name := range names {
		for _, table := range []byte{tableStorageInfo, tableStorageValue, tableStorageLock} {
			add(fmt.Sprint("storage", table, name), appendStorageKey(nil, table, name))
		}
	}
	for _, tenant := range []uint32{1, 256, 1 << 24} {
		add(fmt.Sprint("tenant", tenant), appendTenantKey(nil, tenant))
		for _, x := range names {
			for _, team := range []uint64{1, 256, 1 << 56} {
				add(fmt.Sprint("team member", tenant, team, x), appendTeamMemberKey(nil, tableTeamMember, tenant, team, x))
				add(fmt.Sprint("applicant", tenant, team, x), appendTeamMemberKey(nil, tableTeamApplicant, tenant, team, x))
				add(fmt.Sprint("standing", tenant, team, x), appendStandingKey(nil, tenant, x, team))
			}
			for _, table := range []byte{tableAccount, tableProfile, tableDevices, tableRelationTotals, tableTeamAccount} {
				add(fmt.Sprint("account", table, tenant, x), appendAccountKey(nil, table, tenant, x))
			}
			for _, y := range names {
				add(fmt.Sprint("relation", tenant, x, y), appendRelationKey(nil, tableRelation, tenant, x, y))
				add(fmt.Sprint("special", tenant, x, y), appendRelationKey(nil, tableSpecial, tenant, x, y))
				add(fmt.Sprint("client", tenant, x, y), appendClientKey(nil, 1, tenant, x, y))
				key := appendConvKey(nil, tenant, x, y)
				if !bytes.Equal(key, appendConvKey(nil, tenant, y, x)) {
					t.Errorf("%q and %q have two conversations", x, y)
				}
				if x <= y {
					add(fmt.Sprint("conv", tenant, x, y), key)
				}
				for _, z := range names {
					prefix := appendConvPrefix(nil, tableConv, tenant, z)
					in := bytes.Compare(key, prefix) >= 0 && bytes.Compare(key, prefixEnd(prefix)) < 0
					if in != (min(x, y) == z) {
						t.Errorf("scan of %q and the conversation of %q and %q: in=%v", z, x, y, in)
					}
				}
			}
		}
	}
	if end := prefixEnd([]byte{1, 0xff, 0xff}); !slices.Equal(end, []byte{2}) {
		t.Errorf("prefixEnd = %x", end)
	}
}

// TestOldDevicesMakeRoom: the device unused for longest is forgotten.
func TestOldDevicesMakeRoom(t *testing.T) {
	var d devicesRow
	for i := range MaxDevices {
		d.touch(fmt.Sprint(i)).version = uint64(i)
	}
	d.touch("0")
	d.touch("new")
	if len(d.devices) != MaxDevices || d.devices[0].id != "new" || d.devices[1].id != "0" {
		t.Errorf("devices: %v", d.devices)
	}
	if slices.ContainsFunc(d.devices, func(x device) bool { return x.id == "1" }) {
		t.Error("the oldest device is still there")
	}
}
