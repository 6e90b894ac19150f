package sdk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// FileStore is a Store in one file. Each Save appends a line and hands it to
// the operating system, so that the death of the process loses nothing; the
// file is rewritten, and synced to disk, when lines that no longer count fill it.
//
// One process uses a file at a time, which a second file beside it, named .lock,
// makes sure of.
type FileStore struct {
	path string
	lock *os.File

	mu       sync.Mutex
	file     *os.File // nil until Load
	owner    string
	contents contents
	lines    int
}

// fileFormat is in the first line of the file. Changing it breaks compatibility.
const fileFormat = "yizhan-device/1"

// minCompactLines is how many lines a file may have before it is looked at.
const minCompactLines = 4096

// fileHeader is the first line.
type fileHeader struct {
	Format string `json:"format"`
	Owner  string `json:"owner"`
}

// fileLine is every other line: one Checkpoint with short names.
type fileLine struct {
	Device  string       `json:"d,omitempty"`
	Version uint64       `json:"v,omitempty"`
	Synced  bool         `json:"y,omitempty"`
	Deleted uint64       `json:"x,omitempty"`
	Cursors []fileCursor `json:"c,omitempty"`
	// Notices and Casts are nil where they are as before.
	Notices *fileReached `json:"i,omitempty"`
	Casts   *fileReached `json:"b,omitempty"`
}

type fileReached struct {
	Fresh   bool     `json:"f,omitempty"`
	Version uint64   `json:"v,omitempty"`
	Ahead   []uint64 `json:"a,omitempty"`
}

type fileCursor struct {
	Scene     wire.Scene        `json:"s,omitempty"`
	Peer      string            `json:"p"`
	Delivered uint64            `json:"n,omitempty"`
	Known     uint64            `json:"k,omitempty"`
	Read      uint64            `json:"r,omitempty"`
	PeerRead  uint64            `json:"o,omitempty"`
	TimeMs    int64             `json:"t,omitempty"`
	Standing  wire.TeamStanding `json:"m,omitempty"`
}

// OpenFileStore opens the file at path, which need not exist yet.
func OpenFileStore(path string) (*FileStore, error) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("state file %s is in use: %w", path, err)
	}
	return &FileStore{path: path, lock: lock}, nil
}

// Close syncs and releases the file. Close the Client first.
func (s *FileStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.file != nil {
		err = errors.Join(s.file.Sync(), s.file.Close())
		s.file = nil
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}

// Load implements Store.
func (s *FileStore) Load(owner string) (Checkpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return Checkpoint{}, fs.ErrClosed
	}
	if s.file == nil {
		if err := s.open(owner); err != nil {
			return Checkpoint{}, fmt.Errorf("state file %s: %w", s.path, err)
		}
	}
	if s.owner != owner {
		return Checkpoint{}, fmt.Errorf("state file %s: %w", s.path, wrongOwner(s.owner, owner))
	}
	return s.contents.checkpoint(), nil
}

func (s *FileStore) open(owner string) error {
	b, err := os.ReadFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.owner = owner
	if len(b) > 0 {
		if s.owner, s.contents, err = decodeFile(b); err != nil {
			return fmt.Errorf("%w: move it away to start as a new device", err)
		}
	}
	return s.compact()
}

// decodeFile reads a whole state file. A last line without an end is what a
// machine that died has left of a Save; it does not count.
func decodeFile(b []byte) (owner string, c contents, err error) {
	if end := bytes.LastIndexByte(b, '\n'); end < len(b)-1 {
		b = b[:end+1]
	}
	r := bufio.NewReader(bytes.NewReader(b))
	for number := 1; ; number++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if number == 1 {
			var header fileHeader
			if err := json.Unmarshal(line, &header); err != nil || header.Format != fileFormat || header.Owner == "" {
				return "", contents{}, errors.New("not a state file of this version")
			}
			owner = header.Owner
			continue
		}
		var l fileLine
		if err := json.Unmarshal(line, &l); err != nil {
			return "", contents{}, fmt.Errorf("line %d: %w", number, err)
		}
		c.merge(l.checkpoint())
	}
	if owner == "" {
		return "", contents{}, errors.New("not a state file of this version")
	}
	return owner, c, nil
}

// Save implements Store.
func (s *FileStore) Save(c Checkpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return fs.ErrClosed
	}
	s.contents.merge(c)
	line, err := encodeLine(c)
	if err != nil {
		return err
	}
	s.lines++
	if _, err := s.file.Write(line); err != nil {
		// Perhaps half a line is there, which only a new file repairs.
		if again := s.compact(); again != nil {
			return errors.Join(err, again)
		}
	}
	if limit := max(minCompactLines, 4*len(s.contents.conversations)); s.lines >= limit {
		if s.compact() != nil {
			s.lines = limit / 2 // nothing is lost: try again later
		}
	}
	return nil
}

// compact replaces the file by one that holds only what counts.
func (s *FileStore) compact() error {
	header, err := json.Marshal(fileHeader{Format: fileFormat, Owner: s.owner})
	if err != nil {
		return err
	}
	line, err := encodeLine(s.contents.checkpoint())
	if err != nil {
		return err
	}
	if err := replaceFile(s.path, append(append(header, '\n'), line...)); err != nil {
		return err
	}
	file, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if s.file != nil {
		_ = s.file.Close() // replaced
	}
	s.file, s.lines = file, 2
	return nil
}

func encodeLine(c Checkpoint) ([]byte, error) {
	l := fileLine{
		Device: c.DeviceID, Version: c.Version, Synced: c.Synced, Deleted: c.Deletions,
		Notices: (*fileReached)(c.Notifications), Casts: (*fileReached)(c.Broadcasts),
	}
	for _, cursor := range c.Conversations {
		l.Cursors = append(l.Cursors, fileCursor(cursor))
	}
	b, err := json.Marshal(l)
	return append(b, '\n'), err
}

func (l *fileLine) checkpoint() Checkpoint {
	c := Checkpoint{
		DeviceID: l.Device, Version: l.Version, Synced: l.Synced, Deletions: l.Deleted,
		Notifications: (*Reached)(l.Notices), Broadcasts: (*Reached)(l.Casts),
	}
	for _, cursor := range l.Cursors {
		c.Conversations = append(c.Conversations, Cursor(cursor))
	}
	return c
}
