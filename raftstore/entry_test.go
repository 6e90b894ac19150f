package raftstore

import (
	"bytes"
	"errors"
	"testing"
)

func commandsEntry(cmds ...[]byte) []byte {
	buf := beginCommands(nil)
	for _, c := range cmds {
		buf = appendCommand(buf, c)
	}
	sealCommands(buf, len(cmds))
	return buf
}

func TestEntryHoldsItsCommands(t *testing.T) {
	cmds := [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("b"), 300)}
	kind, body, err := openEntry(commandsEntry(cmds...))
	if err != nil || kind != entryCommands {
		t.Fatalf("kind %d, %v", kind, err)
	}
	got, err := decodeCommands(nil, body)
	if err != nil || len(got) != len(cmds) {
		t.Fatalf("%d commands, %v", len(got), err)
	}
	for i := range cmds {
		if !bytes.Equal(got[i], cmds[i]) {
			t.Errorf("command %d is %q", i, got[i])
		}
	}
	kind, body, err = openEntry(clusterEntry("abc"))
	if err != nil || kind != entryCluster || string(body) != "abc" {
		t.Errorf("cluster entry: %d, %q, %v", kind, body, err)
	}
}

func TestEveryFlippedBitOfAnEntryIsNoticed(t *testing.T) {
	data := commandsEntry([]byte("hello"), []byte("world"))
	for bit := range 8 * len(data) {
		flipped := bytes.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		kind, _, err := openEntry(flipped)
		if err == nil && kind == entryCommands {
			t.Fatalf("bit %d flipped and not noticed", bit)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
	}
}

func FuzzEntry(f *testing.F) {
	f.Add(commandsEntry([]byte("a"), []byte("bc")))
	f.Add(clusterEntry("id"))
	f.Add([]byte{entryCommands, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= entryHeader { // past the checksum, where the parser is
			data = bytes.Clone(data)
			seal(data, data[0])
		}
		_, body, err := openEntry(data)
		if err != nil {
			return
		}
		cmds, err := decodeCommands(nil, body)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		again, err := decodeCommands(nil, commandsEntry(cmds...)[entryHeader:])
		if err != nil || len(again) != len(cmds) {
			t.Errorf("%d commands became %d, %v", len(cmds), len(again), err)
		}
	})
}
