package state

import (
	"fmt"
	"slices"
	"sort"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	// maxPageBytes keeps a page of messages within one frame: the frame's header,
	// and a tag and length for each message, fit in what is left.
	maxPageBytes = wire.MaxFrame - 4<<10
	// MaxTypeScan is how many messages HistoryByTime looks at for the wanted
	// types, some 10 ms of work.
	MaxTypeScan = 10_000
)

// History reads the log of the account's conversation with req.Peer: the closed
// range req.FromSeq to req.ToSeq, or the newest page when both are 0. FromSeq 0
// means the first message, ToSeq 0 the last. It returns at most req.Limit
// (1..MaxHistoryPage, 0 means 100) messages and at most one frame of them, the
// lowest seqs first, or with Reverse the highest; More tells that the range, or
// what is older than the newest page, goes on. An unknown conversation is empty.
// Of a team only its members may read, from the entry that FirstSeq tells on:
// CodeTeamMissing, CodeNotInTeam. What the account has cleared away is not there
// for it.
func (q *Queries) History(tenant uint32, account string, req *wire.HistoryRequest) (*wire.HistoryResponse, error) {
	return q.history(tenant, account, "", req)
}

func (q *Queries) history(tenant uint32, account, device string, req *wire.HistoryRequest) (*wire.HistoryResponse, error) {
	if req.ToSeq != 0 && req.FromSeq > req.ToSeq {
		return nil, wire.Errorf(wire.CodeBadParameter, "from_seq is after to_seq")
	}
	v := q.snapshot()
	defer v.Close()
	l, first, err := openHistory(v, tenant, account, req)
	if err != nil || l == nil {
		return &wire.HistoryResponse{}, err
	}
	cleared, err := clearedSeq(v, tenant, account, req.Scene, req.Peer)
	if err != nil {
		return nil, err
	}
	if cleared != 0 {
		first = max(first, cleared+1)
	}
	from, to := max(req.FromSeq, first, l.floor), l.lastSeq
	if req.ToSeq != 0 {
		to = min(to, req.ToSeq)
	}
	if from, to, err = l.between(from, to, req.BeginMs, req.EndMs); err != nil {
		return nil, err
	}
	newest := req.FromSeq == 0 && req.ToSeq == 0
	res := &wire.HistoryResponse{FirstSeq: first}
	if l.floor > 1 {
		res.FloorSeq, res.FirstSeq = l.floor, max(first, l.floor)
	}
	if len(req.Ids) > 0 {
		res.Messages, err = l.byIDs(req.Ids, from, to)
	} else {
		res.Messages, res.More, err = l.page(from, to, newest, req)
	}
	if err != nil {
		return nil, err
	}
	if err := (&viewer{v: v, tenant: tenant, account: account, device: device}).show(l.conv, res.Messages); err != nil {
		return nil, err
	}
	if newest && !req.Reverse && len(req.Ids) == 0 {
		slices.Reverse(res.Messages)
	}
	return res, nil
}

// HistoryByTime reads the messages between two accounts from beginMs to endMs,
// both included, at most limit (1..MaxHistoryPage, 0 means 100), oldest first or
// with reverse newest first. Only those of types, if there are any. When the
// wanted types are so rare that MaxTypeScan messages do not fill the page, the
// answer is CodeCountLimit: ask for less time.
func (q *Queries) HistoryByTime(tenant uint32, from, to string, beginMs, endMs int64, limit int, reverse bool, types []uint32) ([]*wire.Message, error) {
	v := q.snapshot()
	defer v.Close()
	l, err := openLog(v, tenant, from, to)
	if err != nil || l == nil {
		return nil, err
	}
	return backendView(l.byTime(1, beginMs, endMs, limit, reverse, types))
}

// MessageByID finds the message between two accounts that has the given id.
// CodeNotFound when there is none.
func (q *Queries) MessageByID(tenant uint32, from, to string, id uint64) (*wire.Message, error) {
	v := q.snapshot()
	defer v.Close()
	l, err := openLog(v, tenant, from, to)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, wire.Errorf(wire.CodeNotFound, "no such message")
	}
	return l.byID(id)
}

// byID finds the entry with an id.
func (l *convLog) byID(id uint64) (*wire.Message, error) {
	seq, err := l.search(func(m *wire.Message) bool { return m.Id >= id })
	if err != nil {
		return nil, err
	}
	if seq <= l.lastSeq {
		m := new(wire.Message)
		if err := l.read(seq, m); err != nil || m.Id == id {
			return m, err
		}
	}
	return nil, wire.Errorf(wire.CodeNotFound, "no such message")
}

// convLog is the log of one conversation as it was when it was opened; entries
// that come later are not looked at.
type convLog struct {
	v       *raftstore.View
	tenant  uint32
	conv    uint64
	floor   uint64 // first entry that is kept
	lastSeq uint64
	buf     []byte // of read
}

// openLog returns nil when there is no such conversation.
func openLog(v *raftstore.View, tenant uint32, x, y string) (*convLog, error) {
	if !validAccount(x) || !validAccount(y) {
		return nil, nil
	}
	var row convRow
	ok, err := readRow(v, appendConvKey(nil, tenant, x, y), row.decode)
	if err != nil || !ok {
		return nil, err
	}
	return newLog(v, tenant, row.id, row.lastSeq)
}

// newLog opens the log of a conversation or a team.
func newLog(v *raftstore.View, tenant uint32, conv, lastSeq uint64) (*convLog, error) {
	floor, err := readFloor(v, tenant, conv)
	if err != nil {
		return nil, err
	}
	return &convLog{v: v, tenant: tenant, conv: conv, floor: floor, lastSeq: lastSeq}, nil
}

func (l *convLog) key(seq uint64) []byte { return appendMessageKey(nil, l.tenant, l.conv, seq) }

// read decodes one entry into m, which shares memory with l until the next read.
func (l *convLog) read(seq uint64, m *wire.Message) error {
	var ok bool
	var err error
	if l.buf, ok, err = l.v.AppendTo(nil, l.key(seq)); err != nil {
		return readError(err)
	}
	if !ok {
		return fmt.Errorf("%w: entry %d of conversation %d is missing", errDamaged, seq, l.conv)
	}
	m.Reset()
	if err := m.UnmarshalVTUnsafe(l.buf); err != nil {
		return rowError("message", err)
	}
	return nil
}

// search returns the first seq, not below the floor, whose entry has a property that all later ones
// have too: ids and times grow along the log. It is lastSeq+1 when none has.
func (l *convLog) search(has func(*wire.Message) bool) (uint64, error) {
	var m wire.Message
	var failed error
	i := sort.Search(int(l.lastSeq+1-l.floor), func(i int) bool {
		if failed == nil {
			failed = l.read(l.floor+uint64(i), &m)
		}
		return failed != nil || has(&m)
	})
	return l.floor + uint64(i), failed
}

// walk calls each for the stored entries of from..to, downwards if down is set,
// until it returns false, and reports whether it did.
func (l *convLog) walk(from, to uint64, down bool, each func(stored []byte) bool) (stopped bool, err error) {
	if from > to {
		return false, nil
	}
	it, err := l.v.Iter(l.key(from), l.key(to+1))
	if err != nil {
		return false, readError(err)
	}
	first, next := it.First, it.Next
	if down {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		if !each(it.Value()) {
			stopped = true
			break
		}
	}
	return stopped, readError(it.Close())
}

// collector gathers the stored messages of one page.
type collector struct {
	limit  int
	types  []uint32 // wanted; none means all
	looked int      // messages seen
	buf    []byte
	ends   []int // end in buf of each message

	scratch wire.Message
}

// add takes one message, or reports that the page is full.
func (c *collector) add(stored []byte) bool {
	if len(c.ends) == c.limit || len(c.ends) > 0 && len(c.buf)+len(stored) > maxPageBytes {
		return false
	}
	if len(c.types) > 0 {
		if c.looked++; c.looked > MaxTypeScan {
			return false
		}
		c.scratch.Reset()
		// A message that cannot be decoded is kept, so that messages reports it.
		if c.scratch.UnmarshalVTUnsafe(stored) == nil && !slices.Contains(c.types, c.scratch.Type) {
			return true
		}
	}
	c.buf = append(c.buf, stored...)
	c.ends = append(c.ends, len(c.buf))
	return true
}

// messages decodes what was gathered. The messages share one piece of memory.
func (c *collector) messages() ([]*wire.Message, error) {
	slab := make([]wire.Message, len(c.ends))
	messages := make([]*wire.Message, len(c.ends))
	from := 0
	for i, to := range c.ends {
		if err := slab[i].UnmarshalVTUnsafe(c.buf[from:to:to]); err != nil {
			return nil, rowError("message", err)
		}
		messages[i], from = &slab[i], to
	}
	return messages, nil
}
