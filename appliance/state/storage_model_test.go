package state

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// storageModel is the model's site storage.
type storageModel struct {
	files map[string]modelFile
	locks map[string]modelLock
}

type modelFile struct {
	value      []byte
	modifiedMs int64
}

type modelLock struct {
	owner     StorageOwner
	fence     uint64
	expiresMs int64
}

func newStorageModel() storageModel {
	return storageModel{files: map[string]modelFile{}, locks: map[string]modelLock{}}
}

func (m *model) storagePut(c *StoragePut) *StorageResult {
	m.clock = max(m.clock, c.TimeMs)
	m.storage.files[c.Key] = modelFile{c.Value, m.clock}
	return &StorageResult{Code: wire.CodeOK}
}

func (m *model) storageDelete(c *StorageDelete) *StorageResult {
	m.clock = max(m.clock, c.TimeMs)
	for key := range m.storage.files {
		if key == c.Key || strings.HasPrefix(key, c.Key+"/") {
			delete(m.storage.files, key)
		}
	}
	return &StorageResult{Code: wire.CodeOK}
}

func (m *model) storageLock(c *StorageLock) *StorageLockResult {
	held, ok := m.storage.locks[c.Name]
	mine := ok && held.owner == c.Owner
	dead := ok && held.owner.Node == c.Owner.Node && held.owner.Epoch != c.Owner.Epoch
	left := held.expiresMs - c.TimeMs
	switch {
	case c.Renew && !mine:
		return &StorageLockResult{Code: wire.CodeNotFound, ExpiresMs: held.expiresMs}
	case ok && !mine && left > 0 && left <= MaxStorageLeaseMs && !dead:
		return &StorageLockResult{Code: wire.CodeRepeated, ExpiresMs: held.expiresMs}
	case !mine:
		m.counter++
		held = modelLock{owner: c.Owner, fence: m.counter}
	}
	held.expiresMs = c.TimeMs + c.LeaseMs
	m.storage.locks[c.Name] = held
	return &StorageLockResult{Code: wire.CodeOK, Fence: held.fence, ExpiresMs: held.expiresMs}
}

func (m *model) storageUnlock(c *StorageUnlock) *StorageLockResult {
	held := m.storage.locks[c.Name]
	if held.owner != c.Owner {
		return &StorageLockResult{Code: wire.CodeNotFound, ExpiresMs: held.expiresMs}
	}
	delete(m.storage.locks, c.Name)
	return &StorageLockResult{Code: wire.CodeOK, Fence: held.fence}
}

// list is the answer of StorageList; nil when there is no such folder.
func (s *storageModel) list(folder string, recursive bool) (keys []string) {
	prefix := folder
	if folder != "" {
		prefix += "/"
	}
	for key := range s.files {
		rest, in := strings.CutPrefix(key, prefix)
		if !in {
			continue
		}
		parts := strings.Split(rest, "/")
		depth := 1
		if recursive {
			depth = len(parts)
		}
		for i := range depth {
			keys = append(keys, prefix+strings.Join(parts[:i+1], "/"))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Keys that are each other's folders, neighbours of a slash, and both at once.
var (
	storageKeys  = []string{"a", "a/b", "a/b/c", "a/b/d", "a/b-c", "a/b0", "a-b", "a0", "b/c/d/e", "b/c/d/f", "你/好"}
	drawKey      = rapid.SampledFrom(storageKeys)
	drawFolder   = rapid.SampledFrom(append([]string{"a/b/c/d", "b", "b/c", "b/c/d", "你"}, storageKeys...))
	drawLockName = rapid.SampledFrom([]string{"x", "y", "issue/你"})
	drawOwner    = rapid.Custom(func(t *rapid.T) StorageOwner {
		return StorageOwner{
			Node:  rapid.SampledFrom([]string{"n1", "n2"}).Draw(t, "node"),
			Epoch: rapid.Uint64Range(0, 2).Draw(t, "epoch"), Token: rapid.Uint64Range(0, 1).Draw(t, "token"),
		}
	})
)

func drawStorageCommand(t *rapid.T, now int64) command {
	switch rapid.IntRange(0, 7).Draw(t, "storage") {
	case 0, 1, 2:
		return &StoragePut{TimeMs: now, Key: drawKey.Draw(t, "key"), Value: []byte(drawText.Draw(t, "value"))}
	case 3:
		return &StorageDelete{TimeMs: now, Key: drawFolder.Draw(t, "key")}
	case 4:
		return &StorageUnlock{TimeMs: now, Name: drawLockName.Draw(t, "name"), Owner: drawOwner.Draw(t, "owner")}
	}
	return &StorageLock{
		TimeMs: now, Name: drawLockName.Draw(t, "name"), Owner: drawOwner.Draw(t, "owner"),
		LeaseMs: rapid.Int64Range(1, 5000).Draw(t, "lease"), Renew: rapid.Bool().Draw(t, "renew"),
	}
}

// compareStorage compares every query of the site storage.
func compareStorage(t *rapid.T, q *Queries, m *storageModel) {
	notFound := func(err error) bool {
		var e *wire.Error
		return errors.As(err, &e) && e.Code == wire.CodeNotFound
	}
	for _, key := range append([]string{"", "b", "b/c", "b/c/d", "a/b/c/d", "你"}, storageKeys...) {
		for _, recursive := range []bool{false, true} {
			want := m.list(key, recursive)
			got, err := q.StorageList(key, recursive)
			if want == nil && key != "" {
				if !notFound(err) {
					t.Fatalf("list %q, which does not exist: %q %v", key, got, err)
				}
			} else if err != nil || !slices.Equal(got, want) {
				t.Fatalf("list %q recursive=%v: %q %v, want %q", key, recursive, got, err, want)
			}
		}
		file, isFile := m.files[key]
		value, err := q.StorageLoad(key)
		if isFile != (err == nil) || !isFile && !notFound(err) || !bytes.Equal(value, file.value) {
			t.Fatalf("load %q: %q %v, want %q", key, value, err, file.value)
		}
		if key == "" {
			continue
		}
		info, err := q.StorageStat(key)
		switch {
		case isFile:
			if want := (StorageInfo{ModifiedMs: file.modifiedMs, Size: int64(len(file.value))}); err != nil || info != want {
				t.Fatalf("stat %q: %+v %v, want %+v", key, info, err, want)
			}
		case m.list(key, false) != nil:
			if err != nil || info != (StorageInfo{Folder: true}) {
				t.Fatalf("stat of the folder %q: %+v %v", key, info, err)
			}
		default:
			if !notFound(err) {
				t.Fatalf("stat %q, which does not exist: %+v %v", key, info, err)
			}
		}
	}
	for _, name := range []string{"x", "y", "issue/你"} {
		want, held := m.locks[name]
		got, ok, err := q.StorageHolder(name)
		if err != nil || ok != held || got != (StorageHolder{want.owner, want.fence, want.expiresMs}) {
			t.Fatalf("lock %q: %+v %v %v, want %+v", name, got, ok, err, want)
		}
	}
}
