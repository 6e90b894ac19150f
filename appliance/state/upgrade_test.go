package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// testdata/format1.commands.zst has 1,505 commands of all kinds that the last build
// of format 1 knew (e000baa), drawn at random, and format1.rows.zst what that
// build had stored after them. Both are strings as appendString writes them, one
// behind another; of rows in turn key and value.

func readStrings(t *testing.T, file string) (all [][]byte) {
	t.Helper()
	packed, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := z.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			t.Fatalf("%s is damaged", file)
		}
		all = append(all, b[w:w+int(n)])
		b = b[w+int(n):]
	}
	return all
}

// oldRows are those of the older build, as dump shows rows.
func oldRows(t *testing.T) (rows []string) {
	t.Helper()
	stored := readStrings(t, "format1.rows.zst")
	for i := 0; i+1 < len(stored); i += 2 {
		rows = append(rows, fmt.Sprintf("%x = %x", stored[i], stored[i+1]))
	}
	return rows
}

func oldCommands(t *testing.T) (cmds []command) {
	t.Helper()
	for _, c := range readStrings(t, "format1.commands.zst") {
		cmds = append(cmds, raw(c))
	}
	return cmds
}

// load stores what an older build had stored.
func (n *node) load(t *testing.T) {
	t.Helper()
	n.wipe()
	stored := readStrings(t, "format1.rows.zst")
	n.inApply(func(tx *raftstore.Tx) error {
		for i := 0; i+1 < len(stored); i += 2 {
			if err := tx.Set(stored[i], stored[i+1]); err != nil {
				return err
			}
		}
		return nil
	})
	n.reload(maxHotConvs, defaultFilterSize)
}

// TestOldCommandsStoreTheSame: the commands of an older build give the bytes that it
// has stored. A node that replays its log with this build is then the same as one
// that has not been updated yet.
func TestOldCommandsStoreTheSame(t *testing.T) {
	n := newNode(t)
	cmds := oldCommands(t)
	for len(cmds) > 0 {
		size := min(len(cmds), 97)
		n.apply(cmds[:size]...)
		cmds = cmds[size:]
	}
	if got, want := n.dump(), oldRows(t); !slices.Equal(got, want) {
		t.Errorf("other rows than the older build has stored (-), which a site with nodes of both would not survive:\n%s", difference(want, got))
	}
}

// TestAnOldStoreGoesOn: what an older build has stored is read, upgraded, written to
// and read again after a restart, and the same is true of a node that has the
// commands instead of the rows.
func TestAnOldStoreGoesOn(t *testing.T) {
	rows, commands := newNode(t), newNode(t)
	rows.load(t)
	commands.apply(oldCommands(t)...)
	for _, n := range []*node{rows, commands} {
		if f, err := n.q.Format(); err != nil || f != firstFormat {
			t.Fatalf("format %d, %v", f, err)
		}
	}
	before := everyAnswer(t, rows)
	if before != everyAnswer(t, commands) {
		t.Error("the rows and the commands of the older build give other answers")
	}
	for i, n := range []*node{rows, commands} {
		n.upgradeAll(t)
		if f, err := n.q.Format(); err != nil || f != Format {
			t.Fatalf("format %d, %v after the upgrade", f, err)
		}
		if i == 0 {
			n.restart()
		}
		// All but this: messages are kept for ever, as they were (keepForOlder).
		kept := strings.NewReplacer(
			fmt.Sprintf("RetentionDays:%d ", RetentionForever), fmt.Sprintf("RetentionDays:%d ", DefaultRetentionDays),
			fmt.Sprintf("RetentionMessages:%d ", RetentionForever), fmt.Sprintf("RetentionMessages:%d ", DefaultRetentionMessages))
		if after := kept.Replace(everyAnswer(t, n)); after != before {
			t.Errorf("the upgrade changed answers:\n%s", difference(strings.Split(before, "\n"), strings.Split(after, "\n")))
		}
		n.goOn(t)
	}
	if a, b := rows.dump(), commands.dump(); !slices.Equal(a, b) {
		t.Errorf("two ways to the same:\n%s", difference(a, b))
	}
	stored := rows.dump()
	rows.restart()
	if again := rows.dump(); !slices.Equal(stored, again) {
		t.Errorf("after a restart:\n%s", difference(stored, again))
	}
}

// upgradeAll leads the node's data to this build's format.
func (n *node) upgradeAll(t *testing.T) {
	t.Helper()
	for range 1 << 16 {
		res := one[*UpgradeResult](n, &Upgrade{TimeMs: testTime, To: Format})
		mustCode(t, "upgrade", res.Code, wire.CodeOK)
		if !res.More {
			return
		}
	}
	t.Fatal("the upgrade does not end")
}

// everyAnswer asks what can be asked of every account there is.
func everyAnswer(t *testing.T, n *node) string {
	t.Helper()
	var b strings.Builder
	note := func(what string, answer any, err error) {
		if err != nil && wire.CodeOf(err) == wire.CodeServerError {
			t.Fatalf("%s: %v", what, err)
		}
		fmt.Fprintf(&b, "%s: %v %v\n", what, answer, err)
	}
	tenants, err := n.q.Tenants()
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range tenants {
		note("tenant", fmt.Sprintf("%+v", *tenant), nil)
		for _, account := range []string{"a", "aa", "b", "c", "d"} {
			a, err := n.q.Account(tenant.ID, account)
			if err != nil {
				note(account, nil, err)
				continue
			}
			note(account, fmt.Sprintf("%v %v %v %v", a.Profile, a.Blocked, a.LastDeviceID, a.LastLoginMs), nil)
			sync, err := n.q.Sync(tenant.ID, account, 0, MaxSyncPage)
			if err != nil {
				t.Fatal(err)
			}
			sync.Version = 0 // the site's counter
			note(account+" sync", sync, nil)
			for _, c := range sync.Conversations {
				history, err := n.q.History(tenant.ID, account, &wire.HistoryRequest{Scene: c.Scene, Peer: c.Peer})
				note(account+" history "+c.Peer, history, err)
			}
			relations, err := n.q.Relations(tenant.ID, account, &wire.RelationsRequest{Limit: 100})
			note(account+" relations", relations, err)
		}
	}
	for _, name := range []string{"a", "b/c"} {
		value, err := n.q.StorageLoad(name)
		note("file "+name, value, err)
	}
	return b.String()
}

// goOn writes to a store that an older build had written.
func (n *node) goOn(t *testing.T) {
	t.Helper()
	at := testTime + 100*week
	var cmds []command
	for i := range 40 {
		account := fmt.Sprint("new", i)
		cmds = append(cmds,
			text(at, 1, "a", "b", account, "after the upgrade"),
			&Read{TimeMs: at, Tenant: 1, Session: 1, Reader: "b", Peer: "a", Seq: 1 << 20},
			&CreateAccount{TimeMs: at, Tenant: 1, Account: account, TokenHash: HashToken("", "", "")},
			&RelationChange{Op: RelationAdd, TimeMs: at, Tenant: 1, Account: "a", Peer: account, Backend: true, Limit: 100},
		)
	}
	for i, res := range n.apply(cmds...) {
		var code wire.Code
		switch res := res.(type) {
		case *SendResult:
			code = res.Code
		case *ReadResult:
			code = res.Code
		case *AccountResult:
			code = res.Code
		case *RelationResult:
			code = res.Code
		}
		if code != wire.CodeOK {
			t.Fatalf("%T %+v: %v", cmds[i], cmds[i], code)
		}
	}
}

// TestUpgradeInPieces: a step that has much to do is done in pieces, each in its
// place of the log; a restart in between and other batches change nothing.
func TestUpgradeInPieces(t *testing.T) {
	defer func(steps [Format][]upgradeStep) { upgradeSteps = steps }(upgradeSteps)
	const rows = 1200
	// The step doubles the text of every value below a prefix.
	prefix := appendStorageKey(nil, tableStorageValue, "")
	double := func(m *Machine, tx *raftstore.Tx, after []byte, budget int) ([]byte, error) {
		from := prefix
		if len(after) > 0 {
			from = append(slices.Clone(after), 0)
		}
		it, err := tx.Iter(from, prefixEnd(prefix))
		if err != nil {
			return nil, err
		}
		var keys, values [][]byte
		for ok := it.First(); ok && len(keys) < budget; ok = it.Next() {
			keys, values = append(keys, slices.Clone(it.Key())), append(values, slices.Clone(it.Value()))
		}
		if err := it.Close(); err != nil || len(keys) == 0 {
			return nil, err
		}
		for i := range keys {
			if err := tx.Set(keys[i], append(values[i], values[i]...)); err != nil {
				return nil, err
			}
		}
		return keys[len(keys)-1], nil
	}
	upgradeSteps[firstFormat] = []upgradeStep{double, double}

	n := newNode(t)
	n.setup("app")
	fill := func() {
		n.inApply(func(tx *raftstore.Tx) error {
			for i := range rows {
				if err := tx.Set(appendStorageKey(nil, tableStorageValue, fmt.Sprintf("%06d", i)), []byte("x")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	fill()
	pieces := 0
	for more := true; more; pieces++ {
		if pieces == 2 {
			n.restart()
		}
		if f, _ := n.q.Format(); f != firstFormat {
			t.Fatalf("format %d before the last piece", f)
		}
		res := one[*UpgradeResult](n, &Upgrade{TimeMs: testTime, To: Format})
		more = res.More
	}
	if want := 2 * (rows/upgradeBudget + 2); pieces != want {
		t.Errorf("%d pieces, want %d", pieces, want)
	}
	stored := n.dump()
	for _, row := range stored {
		if strings.HasPrefix(row, fmt.Sprintf("%x", prefix)) && !strings.HasSuffix(row, fmt.Sprintf("= %x", "xxxx")) {
			t.Fatalf("row %s", row)
		}
		if strings.HasPrefix(row, fmt.Sprintf("%x", keyUpgrade)) {
			t.Errorf("the upgrade's row is still there")
		}
	}
	n.wipe()
	n.setup("app")
	fill()
	again := make([]command, pieces)
	for i := range again {
		again[i] = &Upgrade{TimeMs: testTime, To: Format}
	}
	n.apply(again...)
	if got := n.dump(); !slices.Equal(stored, got) {
		t.Errorf("in one batch:\n%s", difference(stored, got))
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	n := newNode(t)
	n.setup("app")
	n.inApply(func(tx *raftstore.Tx) error { return tx.Set(keyFormat, []byte{Format + 1}) })
	v := n.store.View()
	defer v.Close()
	err := New().Reset(v)
	if want := fmt.Sprintf("stored format %d", Format+1); !errors.Is(err, ErrNewerFormat) || !strings.Contains(err.Error(), want) {
		t.Errorf("Reset on a newer format: %v, want %q", err, want)
	}
	n.inApply(func(tx *raftstore.Tx) error { return tx.Set(keyFormat, []byte{firstFormat}) })
}

// TestUpgradeBeyondThisBuildStopsTheNode: its rows would become others than those of
// the nodes that know the format.
func TestUpgradeBeyondThisBuildStopsTheNode(t *testing.T) {
	m, n := New(), newNode(t)
	n.setup("app")
	before := n.dump()
	n.inApply(func(tx *raftstore.Tx) error {
		v := n.store.View()
		defer v.Close()
		if err := m.Reset(v); err != nil {
			return err
		}
		if err := m.Apply(tx, [][]byte{(&Upgrade{TimeMs: testTime, To: Format + 1}).Append(nil)}, make([]any, 1)); !errors.Is(err, ErrNewerFormat) {
			t.Errorf("an upgrade to a format that this build does not know: %v", err)
		}
		return nil
	})
	if after := n.dump(); !slices.Equal(before, after) {
		t.Errorf("it has stored something:\n%s", difference(before, after))
	}
}

// TestUpgradeAgainChangesNothing, nor does one to an older format.
func TestUpgradeAgainChangesNothing(t *testing.T) {
	n := newNode(t)
	n.setup("app")
	n.upgradeAll(t)
	before := n.dump()
	for to := range uint32(Format + 1) {
		if res := one[*UpgradeResult](n, &Upgrade{TimeMs: testTime, To: to}); res.Code != wire.CodeOK || res.More || res.Format != Format {
			t.Errorf("to %d: %+v", to, res)
		}
	}
	if after := n.dump(); !slices.Equal(before, after) {
		t.Errorf("%s", difference(before, after))
	}
	garbage := bytes.Replace((&Upgrade{TimeMs: testTime, To: Format}).Append(nil), []byte{kindUpgrade, commandVersion}, []byte{kindUpgrade, 9}, 1)
	if res := one[*UpgradeResult](n, raw(garbage)); res.Code != wire.CodeBadProtocol || res.Format != Format {
		t.Errorf("garbage: %+v", res)
	}
}

// TestOldSnapshotsAreMadeOfTheSameRows: a state that is rebuilt from a snapshot of
// the old format and a log that upgrades it is the one that was lost.
func TestOldSnapshotsAreMadeOfTheSameRows(t *testing.T) {
	n := newNode(t)
	n.apply(oldCommands(t)...)
	n.snapshot()
	n.upgradeAll(t)
	n.goOn(t)
	want := n.dump()
	n.close()
	n.rebuild = true
	n.open(New())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := n.store.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	if got := n.dump(); !slices.Equal(want, got) {
		t.Errorf("%s", difference(want, got))
	}
}
