package state

import (
	"slices"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// StorageInfo is what is known of a file or a folder of the site storage.
type StorageInfo struct {
	Folder     bool
	ModifiedMs int64 // of a file
	Size       int64 // of a file's value, in bytes
}

// StorageHolder is who holds a lock, and until when.
type StorageHolder struct {
	Owner     StorageOwner
	Fence     uint64
	ExpiresMs int64
}

// LeaseOver reports whether another owner could take the lock at timeMs.
func (h *StorageHolder) LeaseOver(timeMs int64) bool { return leaseOver(h.ExpiresMs, timeMs) }

// StorageLoad reads a file. CodeNotFound when there is none.
func (q *Queries) StorageLoad(key string) ([]byte, error) {
	v := q.view()
	defer v.Close()
	if ValidStorageKey(key) {
		value, ok, err := v.Get(appendStorageKey(nil, tableStorageValue, key))
		if err != nil || ok {
			return value, readError(err)
		}
	}
	return nil, noStorage()
}

func noStorage() error { return wire.Errorf(wire.CodeNotFound, "no such file or folder") }

// StorageStat tells what is under key: the file, if there is one, or the folder.
// CodeNotFound when there is neither.
func (q *Queries) StorageStat(key string) (StorageInfo, error) {
	v := q.view()
	defer v.Close()
	if !ValidStorageKey(key) {
		return StorageInfo{}, noStorage()
	}
	var row storageInfoRow
	ok, err := readRow(v, appendStorageKey(nil, tableStorageInfo, key), row.decode)
	if err != nil || ok {
		return StorageInfo{ModifiedMs: row.modifiedMs, Size: int64(row.size)}, err
	}
	it, err := storageFolder(v, key)
	if err != nil {
		return StorageInfo{}, err
	}
	ok = it.First()
	if err := it.Close(); err != nil {
		return StorageInfo{}, readError(err)
	}
	if !ok {
		return StorageInfo{}, noStorage()
	}
	return StorageInfo{Folder: true}, nil
}

// StorageList lists what is in a folder, in the order of the keys: the files and
// folders directly in it or, with recursive, also everything below these. The
// empty key is the root. CodeNotFound when there is no such folder; the root is
// always there. It is bounded by MaxStorageEntries and their folders.
func (q *Queries) StorageList(folder string, recursive bool) ([]string, error) {
	v := q.view()
	defer v.Close()
	if folder != "" && !ValidStorageKey(folder) {
		return nil, noStorage()
	}
	it, err := storageFolder(v, folder)
	if err != nil {
		return nil, err
	}
	var keys []string
	if recursive {
		keys = listStorageTree(it, folder)
	} else {
		keys = listStorageFolder(it, folder)
	}
	if err := it.Close(); err != nil {
		return nil, readError(err)
	}
	if len(keys) == 0 && folder != "" {
		return nil, noStorage()
	}
	// A name that is a file's and a folder's was met twice.
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// listStorageFolder steps over what is in the folders that it meets.
func listStorageFolder(it *raftstore.Iter, folder string) (keys []string) {
	start := storageChildren(folder)
	for ok := it.First(); ok; {
		key := storageKeyOf(it.Key())
		slash := strings.IndexByte(key[start:], '/')
		if slash < 0 {
			keys = append(keys, key)
			ok = it.Next()
			continue
		}
		key = key[:start+slash]
		keys = append(keys, key)
		ok = it.SeekGE(prefixEnd(appendStorageFolder(nil, key)))
	}
	return keys
}

// listStorageTree adds to each file the folders that lead to it, if the file
// before has not named them.
func listStorageTree(it *raftstore.Iter, folder string) (keys []string) {
	start := storageChildren(folder)
	before := ""
	for ok := it.First(); ok; ok = it.Next() {
		key := storageKeyOf(it.Key())
		for i := start; i < len(key); i++ {
			if key[i] == '/' && !strings.HasPrefix(before, key[:i+1]) {
				keys = append(keys, key[:i])
			}
		}
		keys = append(keys, key)
		before = key
	}
	return keys
}

// storageChildren is where the names begin in the keys of a folder's content.
func storageChildren(folder string) int {
	if folder == "" {
		return 0
	}
	return len(folder) + 1
}

func storageFolder(v *raftstore.View, folder string) (*raftstore.Iter, error) {
	prefix := appendStorageFolder(nil, folder)
	it, err := v.Iter(prefix, prefixEnd(prefix))
	return it, readError(err)
}

// StorageHolder tells who holds a lock. It reports false when nobody does; one
// whose lease is over may still be told.
func (q *Queries) StorageHolder(name string) (StorageHolder, bool, error) {
	v := q.view()
	defer v.Close()
	if !ValidStorageLockName(name) {
		return StorageHolder{}, false, nil
	}
	var row storageLockRow
	ok, err := readRow(v, appendStorageKey(nil, tableStorageLock, name), row.decode)
	return StorageHolder{Owner: row.owner, Fence: row.fence, ExpiresMs: row.expiresMs}, ok, err
}
