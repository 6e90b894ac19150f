package state

import "encoding/binary"

// A key is a table byte, a shard (2 bytes) and the table's own fields; numbers
// are big-endian, names have a length byte before them unless they come last.
// DESIGN.md has the whole table. Changing any of this breaks compatibility with
// stored data.
const (
	tableFormat  = 0x01 // version of the stored format; no shard
	tableSite    = 0x02 // counters and clock
	tableTenant  = 0x10 // tenant
	tableAppKey  = 0x11 // appkey → tenant
	tableAccount = 0x12 // tenant, account
	tableProfile = 0x13 // tenant, account
	tableDevices = 0x14 // tenant, account
	tableConv    = 0x20 // tenant, smaller account, larger account
	tableMember  = 0x21 // tenant, larger account, smaller account
	tableMessage = 0x22 // tenant, conversation, seq
	tableClient  = 0x30 // generation, tenant, sender, client id

	tableStorageInfo   = 0x40 // key
	tableStorageValue  = 0x41 // key
	tableStorageLock   = 0x42 // name
	tableStorageTotals = 0x43

	tableUpgrade = 0x44 // the upgrade that is under way
)

// shard 0 is the only one so far: one Raft group holds the whole site.
const shard = 0

var (
	keyFormat = []byte{tableFormat}
	keySite   = appendTable(nil, tableSite)

	keyStorageTotals = appendTable(nil, tableStorageTotals)
	keyUpgrade       = appendTable(nil, tableUpgrade)
)

func appendTable(dst []byte, table byte) []byte {
	return append(dst, table, shard>>8, shard&0xff)
}

func appendU32(dst []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(dst, v) }
func appendU64(dst []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(dst, v) }

// appendName appends a name of at most 255 bytes that something follows.
func appendName(dst []byte, name string) []byte {
	return append(append(dst, byte(len(name))), name...)
}

func appendTenantKey(dst []byte, tenant uint32) []byte {
	return appendU32(appendTable(dst, tableTenant), tenant)
}

func appendAppKeyKey(dst []byte, appKey string) []byte {
	return append(appendTable(dst, tableAppKey), appKey...)
}

// appendAccountKey is for the tables keyed by account.
func appendAccountKey(dst []byte, table byte, tenant uint32, account string) []byte {
	return append(appendU32(appendTable(dst, table), tenant), account...)
}

// appendConvKey takes the two accounts in either order.
func appendConvKey(dst []byte, tenant uint32, x, y string) []byte {
	return append(appendConvPrefix(dst, tableConv, tenant, min(x, y)), max(x, y)...)
}

// appendConvPrefix is the part of a conversation's or a membership's key before
// the second account.
func appendConvPrefix(dst []byte, table byte, tenant uint32, first string) []byte {
	return appendName(appendU32(appendTable(dst, table), tenant), first)
}

func appendMessageKey(dst []byte, tenant uint32, conv, seq uint64) []byte {
	return appendU64(appendU64(appendU32(appendTable(dst, tableMessage), tenant), conv), seq)
}

func appendClientKey(dst []byte, generation, tenant uint32, sender, clientID string) []byte {
	dst = appendU32(appendGenerationKey(dst, generation), tenant)
	return append(appendName(dst, sender), clientID...)
}

// Where the generation is in a client-id key.
const (
	generationStart = 3
	generationEnd   = generationStart + 4
)

// appendGenerationKey is below every client-id key of the generation.
func appendGenerationKey(dst []byte, generation uint32) []byte {
	return appendU32(appendTable(dst, tableClient), generation)
}

// appendStorageKey is for the tables of the site storage.
func appendStorageKey(dst []byte, table byte, key string) []byte {
	return append(appendTable(dst, table), key...)
}

// appendStorageFolder is what the keys of the files in a folder begin with; the
// empty folder is the root.
func appendStorageFolder(dst []byte, folder string) []byte {
	dst = appendStorageKey(dst, tableStorageInfo, folder)
	if folder == "" {
		return dst
	}
	return append(dst, '/')
}

// storageKeyOf is the key in a row's key.
func storageKeyOf(rowKey []byte) string { return string(rowKey[tableLen:]) }

// tableLen is the length of what appendTable appends.
const tableLen = 3

// prefixEnd is the smallest key above every key that begins with prefix, which
// does not consist of 0xff bytes only: no table byte is 0xff.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}
