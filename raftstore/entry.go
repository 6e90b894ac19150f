package raftstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// An entry of the Raft log is
//
//	kind byte | CRC-32C of the rest, 4 bytes | body
//
// all numbers big-endian. The body of entryCommands is a count (4 bytes) and
// then each command with its length as a varint before it; that of entryCluster
// is the cluster id. The checksum is there because bbolt has none for its data.
// Changing any of this breaks compatibility with stored logs.
const (
	entryCommands = 0x01
	entryCluster  = 0x02

	entryHeader    = 1 + 4
	commandsHeader = entryHeader + 4
	maxLenBytes    = binary.MaxVarintLen32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// beginCommands puts room for the header at the start of an empty buffer.
func beginCommands(buf []byte) []byte {
	return append(buf[:0], make([]byte, commandsHeader)...)
}

// appendCommand adds one command.
func appendCommand(buf, cmd []byte) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(cmd)))
	return append(buf, cmd...)
}

// sealCommands fills in the header of an entry of n commands.
func sealCommands(buf []byte, n int) {
	binary.BigEndian.PutUint32(buf[entryHeader:], uint32(n))
	seal(buf, entryCommands)
}

func seal(buf []byte, kind byte) {
	buf[0] = kind
	binary.BigEndian.PutUint32(buf[1:], crc32.Checksum(buf[entryHeader:], castagnoli))
}

// clusterEntry is the entry that tells every member the cluster's id.
func clusterEntry(cluster string) []byte {
	buf := append(make([]byte, entryHeader), cluster...)
	seal(buf, entryCluster)
	return buf
}

// openEntry checks an entry and returns its kind and body.
func openEntry(data []byte) (kind byte, body []byte, err error) {
	if len(data) < entryHeader {
		return 0, nil, fmt.Errorf("%w: log entry of %d bytes", ErrCorrupt, len(data))
	}
	body = data[entryHeader:]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(data[1:]) {
		return 0, nil, fmt.Errorf("%w: log entry fails its checksum", ErrCorrupt)
	}
	return data[0], body, nil
}

// decodeCommands appends the commands of body to cmds; they alias body.
func decodeCommands(cmds [][]byte, body []byte) ([][]byte, error) {
	if len(body) < commandsHeader-entryHeader {
		return cmds, fmt.Errorf("%w: log entry without a count", ErrCorrupt)
	}
	n := binary.BigEndian.Uint32(body)
	body = body[4:]
	for range n {
		l, w := binary.Uvarint(body)
		if w <= 0 || l > uint64(len(body)-w) {
			return cmds, fmt.Errorf("%w: log entry cut short", ErrCorrupt)
		}
		end := w + int(l)
		cmds = append(cmds, body[w:end:end])
		body = body[end:]
	}
	if len(body) != 0 {
		return cmds, fmt.Errorf("%w: %d bytes after the last command of a log entry", ErrCorrupt, len(body))
	}
	return cmds, nil
}
