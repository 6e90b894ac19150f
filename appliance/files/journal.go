package files

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"os"
	"path/filepath"
)

// A journal says what an unfinished upload is and how much of it is surely on
// disk, with the state of the digests at that point, so that a restarted node goes
// on without reading the content again. Its form (changing it loses uploads that
// are under way):
//
//	0     "YZUP" version (1 byte) 0 0 0, length (4), header in JSON, CRC-32C of all before
//	4096  slot: sequence (8), offset (8), SHA-256 state, MD5 state (each length (2), bytes), CRC-32C
//	4608  the other slot
//
// Numbers are big-endian. Slots are written in turn, so that a torn write leaves
// the one before.
const (
	journalMagic   = "YZUP\x01\x00\x00\x00"
	journalHeadLen = 4096
	journalSlotLen = 512
	journalLen     = journalHeadLen + 2*journalSlotLen
)

var errBadJournal = errors.New("damaged journal")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journalHead is what does not change during an upload.
type journalHead struct {
	Owner    Principal `json:"owner"`
	Declared declared  `json:"declared"`
	Size     int64     `json:"size"`
	Created  int64     `json:"created"` // Unix ms
}

func (h *journalHead) encode() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // keeps it short
	if err := e.Encode(h); err != nil {
		return nil, err
	}
	b := append([]byte(journalMagic), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(b[len(journalMagic):], uint32(text.Len()))
	b = append(b, text.Bytes()...)
	b = sealCRC(b)
	if len(b) > journalHeadLen {
		return nil, fmt.Errorf("a journal's header of %d bytes", len(b))
	}
	return append(b, make([]byte, journalLen-len(b))...), nil
}

// decodeJournal takes a whole journal apart.
func decodeJournal(b []byte) (h *journalHead, p progress, err error) {
	const fixed = len(journalMagic) + 4
	if len(b) != journalLen || string(b[:len(journalMagic)]) != journalMagic {
		return nil, p, errBadJournal
	}
	n := int64(binary.BigEndian.Uint32(b[len(journalMagic):]))
	if n > int64(journalHeadLen-fixed-4) {
		return nil, p, errBadJournal
	}
	head, ok := openCRC(b[:fixed+int(n)+4])
	if !ok {
		return nil, p, errBadJournal
	}
	h = new(journalHead)
	if err := json.Unmarshal(head[fixed:], h); err != nil || h.Size < 0 {
		return nil, p, errBadJournal
	}
	p = newProgress()
	for i := range 2 {
		at := journalHeadLen + i*journalSlotLen
		if slot, ok := decodeSlot(b[at : at+journalSlotLen]); ok && slot.seq > p.seq && slot.offset <= h.Size {
			p = slot
		}
	}
	return h, p, nil
}

func sealCRC(b []byte) []byte { return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)) }

func openCRC(b []byte) ([]byte, bool) {
	body := b[:len(b)-4]
	return body, crc32.Checksum(body, castagnoli) == binary.BigEndian.Uint32(b[len(b)-4:])
}

// progress is how far an upload has come: the first offset bytes are on disk and
// in the digests.
type progress struct {
	seq    uint64 // of the slot
	offset int64
	sha    hash.Hash
	md5    hash.Hash
}

func newProgress() progress { return progress{sha: sha256.New(), md5: md5.New()} }

// encode is p as a slot.
func (p *progress) encode() ([]byte, error) {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, journalSlotLen), p.seq)
	b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
	for _, h := range []hash.Hash{p.sha, p.md5} {
		state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return nil, err
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(state)))
		b = append(b, state...)
	}
	b = sealCRC(append(b, make([]byte, journalSlotLen-4-len(b))...))
	return b, nil
}

func decodeSlot(b []byte) (progress, bool) {
	b, ok := openCRC(b)
	if !ok {
		return progress{}, false
	}
	p := newProgress()
	p.seq, p.offset = binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))
	b = b[16:]
	for _, h := range []hash.Hash{p.sha, p.md5} {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return progress{}, false
		}
		n := int(binary.BigEndian.Uint16(b))
		if h.(encoding.BinaryUnmarshaler).UnmarshalBinary(b[2:2+n]) != nil {
			return progress{}, false
		}
		b = b[2+n:]
	}
	return p, p.seq > 0 && p.offset >= 0
}

// save puts p into the next slot of the journal at path, on disk. The part must be
// on disk before.
func (p *progress) save(path string) error {
	p.seq++
	b, err := p.encode()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, journalHeadLen+int64(p.seq%2)*journalSlotLen)
	return errors.Join(err, f.Sync(), f.Close())
}

// createFile writes a file that is not there yet, and it and its folder to disk.
func createFile(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
