package state

import (
	"strings"
	"unicode/utf8"
)

// Limits of the site storage. They bound the disk, and what one command may do
// in Apply.
const (
	// MaxStorageKey and MaxStorageLockName bound a name, in bytes.
	MaxStorageKey      = 1 << 10
	MaxStorageLockName = 1 << 10
	// MaxStorageValue bounds a value, in bytes: half of the largest Raft entry, so
	// that other commands still find room beside it. A certificate with its chain
	// and key takes less than a tenth of it.
	MaxStorageValue = 128 << 10
	// MaxStorageEntries and MaxStorageBytes (keys and values) bound the whole:
	// some 60,000 certificates.
	MaxStorageEntries = 200_000
	MaxStorageBytes   = 512 << 20
	// MaxStorageLocks bounds the locks that are held at one time.
	MaxStorageLocks = 4096
	// MaxStorageDelete is how many entries one StorageDelete removes.
	MaxStorageDelete = 512
	// MaxStorageLeaseMs bounds the lease of a lock.
	MaxStorageLeaseMs = 10 * 60 * 1000

	maxStorageNode = 63 // a node's name is a DNS label or several, see appliance.ValidNodeID
	// maxStorageCommand holds the largest value, the largest key and the fields.
	maxStorageCommand = MaxStorageValue + MaxStorageKey + 32
)

// The site storage is a tree of files that belongs to the whole site, not to a
// tenant: certificates, their private keys, ACME accounts. A key is a path
// without slashes at its ends; folders exist by the files in them. A key may name
// a file and a folder at once.

// StoragePut stores Value under Key, in place of what is there. CodeCountLimit:
// there are MaxStorageEntries, or with it there were more than MaxStorageBytes.
type StoragePut struct {
	TimeMs int64
	Key    string
	Value  []byte // never log it
}

// StorageDelete removes the file Key and everything in the folder Key, at most
// MaxStorageDelete entries: repeat it while the result says More. It is no error
// when there is nothing.
type StorageDelete struct {
	TimeMs int64
	Key    string
}

// StorageLock takes the lock Name for Owner until LeaseMs from TimeMs, or extends
// it. It takes a lock that nobody holds, whose lease is over at TimeMs, or whose
// holder was another process of the same node. CodeRepeated: another owner holds
// it; CodeCountLimit: there are MaxStorageLocks. With Renew it only extends what
// Owner has held all the time; CodeNotFound: it does not.
//
// Leases go by the clocks of those who take them, not by the machine's: that one
// never goes back, so after one clock was far ahead no lease would end.
type StorageLock struct {
	TimeMs  int64
	Name    string
	Owner   StorageOwner
	LeaseMs int64 // 1 to MaxStorageLeaseMs
	Renew   bool
}

// StorageUnlock gives the lock Name up. CodeNotFound: Owner does not hold it.
type StorageUnlock struct {
	TimeMs int64
	Name   string
	Owner  StorageOwner
}

// StorageOwner is who holds a lock.
type StorageOwner struct {
	Node  string
	Epoch uint64 // another one for each process of Node
	Token uint64 // tells the holders in one process apart
}

// supersedes reports whether o and held are of different processes of one node.
// A node is one process at a time, and o's is running.
func (o *StorageOwner) supersedes(held *StorageOwner) bool {
	return o.Node == held.Node && o.Epoch != held.Epoch
}

// leaseOver reports whether a lease has ended at timeMs. One that would last
// longer than any lease was taken by a clock that was wrong.
func leaseOver(expiresMs, timeMs int64) bool {
	return expiresMs <= timeMs || expiresMs > timeMs+MaxStorageLeaseMs
}

// ValidStorageKey reports whether key can be a file's or a folder's: UTF-8, at
// most MaxStorageKey bytes, no control characters, and no part between slashes
// that is empty, "." or "..".
func ValidStorageKey(key string) bool {
	if !validStorageText(key, MaxStorageKey) {
		return false
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// ValidStorageLockName reports whether name can be a lock's.
func ValidStorageLockName(name string) bool { return validStorageText(name, MaxStorageLockName) }

func validStorageText(s string, limit int) bool {
	if !validName(s, limit) {
		return false
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return false
		}
	}
	return true
}

func (o *StorageOwner) valid() bool { return validName(o.Node, maxStorageNode) }
