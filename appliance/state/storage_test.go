package state

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// putFiles stores count one-byte files in a folder, many in a batch.
func (n *node) putFiles(folder string, count int) {
	n.tb.Helper()
	for from := 0; from < count; from += 1000 {
		var batch []command
		for i := from; i < min(from+1000, count); i++ {
			batch = append(batch, &StoragePut{TimeMs: testTime, Key: fmt.Sprintf("%s/%d", folder, i), Value: []byte{1}})
		}
		for _, res := range n.apply(batch...) {
			if res.(*StorageResult).Code != wire.CodeOK {
				n.tb.Fatalf("put: %+v", res)
			}
		}
	}
}

// setTotals makes the storage believe what it holds.
func (n *node) setTotals(change func(*storageTotalsRow)) {
	n.tb.Helper()
	n.inApply(func(tx *raftstore.Tx) error {
		var totals storageTotalsRow
		if err := totals.load(tx); err != nil {
			return err
		}
		change(&totals)
		return tx.Set(keyStorageTotals, totals.append(nil))
	})
}

func (n *node) totals() (totals storageTotalsRow) {
	n.tb.Helper()
	n.inApply(func(tx *raftstore.Tx) error { return totals.load(tx) })
	return totals
}

func TestBadStorageKeysAreRefused(t *testing.T) {
	n := newNode(t)
	bad := []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\x00b", "a\nb", "\xff", "a\ufffdb",
		strings.Repeat("x", MaxStorageKey+1),
	}
	for _, key := range bad {
		for _, c := range []command{&StoragePut{Key: key}, &StorageDelete{Key: key}} {
			if res := one[*StorageResult](n, c); res.Code != wire.CodeBadParameter {
				t.Errorf("%T %.20q: %v", c, key, res.Code)
			}
		}
	}
	longest := strings.Repeat("x", MaxStorageKey)
	if res := one[*StorageResult](n, &StoragePut{Key: longest}); res.Code != wire.CodeOK {
		t.Errorf("the longest key: %v", res.Code)
	}
	if info, err := n.q.StorageStat(longest); err != nil || info.Size != 0 {
		t.Errorf("an empty file: %+v %v", info, err)
	}
}

func TestTheLargestStorageValueFits(t *testing.T) {
	n := newNode(t)
	key, value := strings.Repeat("k", MaxStorageKey), bytes.Repeat([]byte{0xab}, MaxStorageValue)
	if res := one[*StorageResult](n, &StoragePut{TimeMs: maxTimeMs, Key: key, Value: value}); res.Code != wire.CodeOK {
		t.Fatalf("the largest value: %v", res.Code)
	}
	n.restart()
	if got, err := n.q.StorageLoad(key); err != nil || !bytes.Equal(got, value) {
		t.Errorf("the largest value came back as %d bytes, %v", len(got), err)
	}
	if res := one[*StorageResult](n, &StoragePut{Key: "k", Value: append(value, 1)}); res.Code != wire.CodeBadParameter {
		t.Errorf("a byte more: %v", res.Code)
	}
	if res := one[*StorageResult](n, &StoragePut{Key: "k", Value: append(value, key...)}); res.Code == wire.CodeOK {
		t.Errorf("much more: %v", res.Code)
	}
}

// TestALargeFolderIsDeletedInSteps: one command removes a bounded number.
func TestALargeFolderIsDeletedInSteps(t *testing.T) {
	n := newNode(t)
	n.putFiles("old", MaxStorageDelete+10)
	n.putFiles("kept", 3)
	n.apply(&StoragePut{Key: "old", Value: []byte("a file and a folder")})
	steps := 0
	for {
		steps++
		res := one[*StorageResult](n, &StorageDelete{Key: "old"})
		if res.Code != wire.CodeOK {
			t.Fatalf("delete: %v", res.Code)
		}
		if !res.More {
			break
		}
	}
	if steps != 2 {
		t.Errorf("%d steps", steps)
	}
	if keys, err := n.q.StorageList("", true); err != nil || len(keys) != 4 {
		t.Errorf("left: %q %v", keys, err)
	}
	if got, want := n.totals(), (storageTotalsRow{entries: 3, bytes: 3 * uint64(len("kept/0")+1)}); got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
}

func TestTheSiteStorageIsBounded(t *testing.T) {
	n := newNode(t)
	n.putFiles("a", 2)
	was := n.totals()

	n.setTotals(func(s *storageTotalsRow) { s.entries = MaxStorageEntries })
	if res := one[*StorageResult](n, &StoragePut{Key: "b"}); res.Code != wire.CodeCountLimit {
		t.Errorf("an entry too many: %v", res.Code)
	}
	if res := one[*StorageResult](n, &StoragePut{Key: "a/0", Value: []byte{2}}); res.Code != wire.CodeOK {
		t.Errorf("replacing one of the most entries: %v", res.Code)
	}
	n.setTotals(func(s *storageTotalsRow) { *s = was; s.bytes = MaxStorageBytes - 10 })
	if res := one[*StorageResult](n, &StoragePut{Key: "b", Value: make([]byte, 10)}); res.Code != wire.CodeCountLimit {
		t.Errorf("a byte too many: %v", res.Code)
	}
	if res := one[*StorageResult](n, &StoragePut{Key: "b", Value: make([]byte, 9)}); res.Code != wire.CodeOK {
		t.Errorf("the last bytes: %v", res.Code)
	}
	n.apply(&StorageDelete{Key: "b"})
	if got := n.totals(); got.bytes != MaxStorageBytes-10 || got.entries != was.entries {
		t.Errorf("after delete: %+v", got)
	}
}

// TestExpiredLocksMakeRoom: locks of the dead count until there are too many.
func TestExpiredLocksMakeRoom(t *testing.T) {
	n := newNode(t)
	owner := StorageOwner{Node: "n1", Epoch: 1}
	now := testTime
	lock := func(name string, leaseMs int64) wire.Code {
		return one[*StorageLockResult](n, &StorageLock{TimeMs: now, Name: name, Owner: owner, LeaseMs: leaseMs}).Code
	}
	lock("short", 1)
	lock("long", 1000)
	n.setTotals(func(s *storageTotalsRow) { s.locks = MaxStorageLocks })
	if code := lock("more", 1000); code != wire.CodeCountLimit {
		t.Errorf("a lock too many: %v", code)
	}
	if code := lock("long", 1000); code != wire.CodeOK {
		t.Errorf("one's own lock among the most: %v", code)
	}
	now++
	if code := lock("more", 1000); code != wire.CodeOK {
		t.Errorf("with an expired lock to drop: %v", code)
	}
	if _, held, err := n.q.StorageHolder("short"); err != nil || held {
		t.Errorf("the expired lock is still there: %v", err)
	}
	if got := n.totals().locks; got != MaxStorageLocks {
		t.Errorf("%d locks", got)
	}
}

func TestALockBelongsToOneOwner(t *testing.T) {
	n := newNode(t)
	a, b := StorageOwner{Node: "n1", Epoch: 5, Token: 1}, StorageOwner{Node: "n2", Epoch: 1, Token: 1}
	lock := func(now int64, owner StorageOwner, renew bool) *StorageLockResult {
		return one[*StorageLockResult](n, &StorageLock{TimeMs: testTime + now, Name: "x", Owner: owner, LeaseMs: 100, Renew: renew})
	}
	unlock := func(owner StorageOwner) wire.Code {
		return one[*StorageLockResult](n, &StorageUnlock{TimeMs: testTime, Name: "x", Owner: owner}).Code
	}
	expect := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}

	first := lock(0, a, false)
	expect("a free lock", first.Code, wire.CodeOK)
	expect("its expiry", first.ExpiresMs, testTime+100)
	expect("another's", lock(99, b, false).Code, wire.CodeRepeated)
	expect("unlock by another", unlock(b), wire.CodeNotFound)
	expect("the same attempt again", *lock(99, a, false), StorageLockResult{wire.CodeOK, first.Fence, testTime + 199})
	n.restart()
	expect("renewal after a restart of the store", *lock(150, a, true), StorageLockResult{wire.CodeOK, first.Fence, testTime + 250})

	second := lock(250, b, false)
	expect("a lock whose lease is over", second.Code, wire.CodeOK)
	if second.Fence <= first.Fence {
		t.Errorf("the fence went from %d to %d", first.Fence, second.Fence)
	}
	expect("renewal of a lost lock", lock(250, a, true).Code, wire.CodeNotFound)
	expect("unlock of a lost lock", unlock(a), wire.CodeNotFound)
	expect("a clock that is a little behind", lock(0, a, false).Code, wire.CodeRepeated)
	expect("a machine whose clock was once far ahead", one[*StorageResult](n, &StorageDelete{TimeMs: maxTimeMs, Key: "k"}).Code, wire.CodeOK)
	expect("the lease after that", lock(349, a, false).Code, wire.CodeRepeated)

	later := StorageOwner{Node: "n2", Epoch: 2, Token: 9}
	expect("the holder's own node after a restart", lock(250, later, false).Code, wire.CodeOK)
	expect("renewal by the process before it", lock(250, b, true).Code, wire.CodeNotFound)
	expect("a lease of a clock that was far ahead", lock(week, later, true).Code, wire.CodeOK)
	expect("is taken by one that is right", lock(300, a, false).Code, wire.CodeOK)
	expect("and back", lock(400, later, false).Code, wire.CodeOK)
	expect("unlock", unlock(later), wire.CodeOK)
	expect("unlock again", unlock(later), wire.CodeNotFound)
	expect("renewal of an unlocked one", lock(250, later, true).Code, wire.CodeNotFound)
	expect("locks", n.totals().locks, uint64(0))

	for _, c := range []StorageLock{
		{Owner: a, LeaseMs: 1}, {Name: "x", LeaseMs: 1}, {Name: "x", Owner: a}, {Name: "x", Owner: a, LeaseMs: MaxStorageLeaseMs + 1},
		{Name: strings.Repeat("x", MaxStorageLockName+1), Owner: a, LeaseMs: 1},
		{Name: "x", Owner: StorageOwner{Node: strings.Repeat("n", 64)}, LeaseMs: 1},
	} {
		expect(fmt.Sprintf("%+v", c), one[*StorageLockResult](n, &c).Code, wire.CodeBadParameter)
	}
}
