package state

import (
	"strings"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	// MaxUnreadScan is how many entries of one log are looked at, newest first,
	// for what is unread there: some 0.1 ms. Up to that many the count is exact.
	MaxUnreadScan = 200
	// maxPreviewScan is how many are looked at for the newest message that a list
	// may show: what is behind so many reactions is shown by the next message.
	maxPreviewScan = 32
	// maxPreviewBody is the most bytes of a body in a list, maxPreviewAccounts how
	// many accounts of a team's event: a page of 200 conversations fits a frame.
	maxPreviewBody     = 400
	maxPreviewAccounts = 3
)

// What is unread is counted when somebody asks, from the log itself: whatever has
// become of an entry since it was written, recalled, edited or gone with its age,
// counts as it is now, and writing a message costs nothing. The answer is bounded
// by looking at the newest MaxUnreadScan entries only.

// lister fills in what a conversation list shows of conversations. What c has
// already says where its log begins: see markFloor.
type lister struct {
	v       *raftstore.View
	tenant  uint32
	account string
	// settings: the account may have some.
	settings bool
	looked   int // entries
	deletes  deletes

	msg      wire.Message // scratch, as are key and buf
	key, buf []byte
}

// fill sets Setting, Unread, UnreadMore and Last of c, whose log is id, and
// FirstSeq when the account has cleared something.
func (l *lister) fill(c *wire.ConversationState, id uint64) error {
	var setting conversationSetting
	if l.settings {
		var err error
		if setting, err = readSetting(l.v, l.tenant, l.account, c.Scene, c.Peer); err != nil {
			return err
		}
	}
	if setting.version != 0 && !setting.blank() {
		c.Setting = setting.wire(c.Scene, c.Peer)
	}
	if setting.clearedSeq != 0 {
		c.FirstSeq = max(c.FirstSeq, setting.clearedSeq+1)
	}
	return l.look(c, id, true)
}

// count sets Unread and UnreadMore of c only, whose FirstSeq says from which entry
// on the account sees its log, id.
func (l *lister) count(c *wire.ConversationState, id uint64) error {
	if c.ReadSeq >= c.LastSeq {
		return nil
	}
	return l.look(c, id, false)
}

// look reads the log backwards.
func (l *lister) look(c *wire.ConversationState, id uint64, preview bool) error {
	// Entries that were written since c was read are not looked at.
	log := convLog{v: l.v, tenant: l.tenant, conv: id, floor: max(c.FloorSeq, 1), lastSeq: c.LastSeq}
	first := max(log.floor, c.FirstSeq)
	unreadFrom := max(first, c.ReadSeq+1)
	lowest := unreadFrom
	if preview {
		lowest = first
	}
	if lowest > c.LastSeq {
		return nil
	}
	oldest := c.LastSeq + 1 - min(c.LastSeq, MaxUnreadScan) // that is looked at
	deleted, err := l.deleted(id, max(lowest, oldest), c.LastSeq)
	if err != nil {
		return err
	}
	looked := uint64(0)
	step := func(stored []byte) (more bool) {
		l.msg.Reset()
		if l.msg.UnmarshalVTUnsafe(stored) != nil {
			return false // whoever reads the log is told
		}
		counting, there := l.msg.Seq >= unreadFrom, !deleted[l.msg.Seq] && !withdrawnFrom(&l.msg, l.account)
		if counting && there && l.msg.From != l.account && countsUnread(&l.msg) {
			c.Unread++
		}
		if preview && there && c.Last == nil && shown(&l.msg) {
			c.Last = previewOf(&l.msg)
		}
		looked++
		l.looked++
		if looked >= MaxUnreadScan {
			// Who finds nothing unread in so many entries has written them itself.
			c.UnreadMore = c.Unread > 0 && l.msg.Seq > unreadFrom
			return false
		}
		return l.msg.Seq > unreadFrom || preview && c.Last == nil && looked < maxPreviewScan
	}
	defer l.msg.Reset()
	// The newest entry alone is often enough, and a Get is cheaper than an iterator.
	var ok bool
	l.key = appendMessageKey(l.key[:0], l.tenant, id, c.LastSeq)
	if l.buf, ok, err = l.v.AppendTo(l.buf[:0], l.key); err != nil {
		return readError(err)
	}
	if ok && !step(l.buf) {
		return nil
	}
	_, err = log.walk(lowest, c.LastSeq-1, true, step)
	return err
}

// deletes says whether the account has deleted any entry for itself.
type deletes uint8

const (
	deletesUnknown deletes = iota
	deletesNone
	deletesSome
)

// deleted are the entries of low..high that the account has deleted for itself.
// Most accounts have deleted nothing anywhere, which is looked up once.
func (l *lister) deleted(conv, low, high uint64) (map[uint64]bool, error) {
	if l.deletes == deletesUnknown {
		l.deletes = deletesNone
		prefix := appendConvPrefix(nil, tableDeleted, l.tenant, l.account)
		it, err := l.v.Iter(prefix, prefixEnd(prefix))
		if err != nil {
			return nil, readError(err)
		}
		if it.First() {
			l.deletes = deletesSome
		}
		if err := it.Close(); err != nil {
			return nil, readError(err)
		}
	}
	if l.deletes == deletesNone || low > high {
		return nil, nil
	}
	w := viewer{v: l.v, tenant: l.tenant, account: l.account}
	return w.deleted(conv, low, high)
}

// shown reports whether a list shows the entry as a conversation's last message.
func shown(m *wire.Message) bool { return m.Type < firstOperation && !m.Hidden }

// typeTip is a text between messages. Like that of TypeText, its body may be cut.
const typeTip = 10

func previewOf(m *wire.Message) *wire.Preview {
	p := &wire.Preview{
		Seq: m.Seq, Id: m.Id, TimeMs: m.TimeMs, From: cloned(m.From), Type: m.Type, Recalled: m.Recalled,
		ClientId: cloned(m.ClientId),
	}
	body := m.Body
	if o := m.Options; o.GetNoRoam() || o.GetNoHistory() || o.GetNoSenderSync() {
		// Some devices must not see it, and a list does not know which asks.
		p.Cut, body = true, ""
	}
	if len(body) > maxPreviewBody {
		p.Cut = true
		if m.Type == TypeText || m.Type == typeTip {
			body = cutText(body, maxPreviewBody)
		} else {
			body = ""
		}
	}
	p.Body = cloned(body)
	if m.Event != nil {
		p.Event = m.Event.Kind
		for _, account := range m.Event.Accounts[:min(len(m.Event.Accounts), maxPreviewAccounts)] {
			p.Accounts = append(p.Accounts, cloned(account))
		}
	}
	return p
}

// cutText is the longest beginning of s that has at most limit bytes and ends
// with a whole character.
func cutText(s string, limit int) string {
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// cloned is s without the memory that it shares.
func cloned(s string) string { return strings.Clone(s) }
