// Package sample makes chat payloads out of checked-in text, the same ones on
// every run: what the compression dictionary is built from, and other texts that
// it is measured with. Nothing else imports it.
package sample

import (
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Lines of english.txt and chinese.txt are texts that people send; of
// structured.txt, a message type and a JSON body; of ext.txt, extension data.
// %hex%, %b64%, %two%, %num% and %big% stand for a value that varies.
//
//go:embed train holdout
var texts embed.FS

// Train is the payloads that the dictionary is built from.
func Train() [][]byte { return payloads("train", 1) }

// Holdout is payloads of texts, ids and numbers that Train does not have. Account
// names and the forms of extension data are shared, as they are within one app.
func Holdout() [][]byte { return payloads("holdout", 2) }

// History is a history page of somewhat more than size bytes, made like Holdout.
func History(size int) []byte {
	g := &generator{state: 3}
	page := &wire.HistoryResponse{More: true}
	lines := append(read("holdout", "english"), read("holdout", "chinese")...)
	peers := [2]string{g.account(), g.account()}
	for total := 0; total < size; {
		from := g.below(2)
		m := g.message(peers[from], peers[1-from], g.choose(lines), 0, uint64(len(page.Messages))+1)
		page.Messages = append(page.Messages, m)
		total += m.SizeVT()
	}
	return encode(page)
}

func payloads(folder string, seed uint64) [][]byte {
	g := &generator{state: seed}
	var all [][]byte
	add := func(body string, kind uint32) {
		m := g.message(g.account(), g.account(), body, kind, g.below(500)+1)
		if g.below(3) > 0 {
			all = append(all, encode(&wire.MessagePush{Message: m}))
			return
		}
		all = append(all, encode(&wire.SendRequest{
			To: m.To, ClientId: m.ClientId, Type: kind, Body: body, Ext: m.Ext,
		}))
	}
	for _, name := range []string{"english", "chinese"} {
		for _, line := range read(folder, name) {
			add(line, 0)
		}
	}
	for _, line := range read("train", "structured") {
		kind, body, _ := strings.Cut(line, "\t")
		number, err := strconv.ParseUint(kind, 10, 32)
		if err != nil {
			panic(fmt.Sprintf("structured.txt: %v", err)) // embedded, so a mistake in the repository
		}
		for range 3 {
			add(g.fill(body), uint32(number))
		}
	}
	for range 40 {
		all = append(all, encode(g.syncPage()))
	}
	return all
}

func read(folder, name string) []string {
	text, err := texts.ReadFile(folder + "/" + name + ".txt")
	if err != nil {
		panic(err) // embedded, so a mistake in this file
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func encode(m interface{ MarshalVT() ([]byte, error) }) []byte {
	b, err := m.MarshalVT()
	if err != nil {
		panic(err) // a generated message into its own buffer
	}
	return b
}

// generator makes the values that vary. It is SplitMix64, written out because
// the dictionary depends on every number.
type generator struct{ state uint64 }

func (g *generator) next() uint64 {
	g.state += 0x9e3779b97f4a7c15
	z := g.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (g *generator) below(n uint64) uint64 { return g.next() % n }

func (g *generator) choose(from []string) string { return from[g.below(uint64(len(from)))] }

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.next())
	}
	return b
}

func (g *generator) fill(s string) string {
	for strings.Contains(s, "%") {
		before, rest, _ := strings.Cut(s, "%")
		name, after, _ := strings.Cut(rest, "%")
		var value string
		switch name {
		case "hex":
			value = hex.EncodeToString(g.bytes(16))
		case "b64":
			value = base64.RawURLEncoding.EncodeToString(g.bytes(36))
		case "two":
			value = fmt.Sprint(10 + g.below(90))
		case "num":
			value = fmt.Sprint(100 + g.below(9900))
		case "big":
			value = fmt.Sprint(100000 + g.below(9900000))
		}
		s = before + value + after
	}
	return s
}

func (g *generator) account() string {
	switch g.below(4) {
	case 0:
		return fmt.Sprintf("user_%d", g.below(1000000))
	case 1:
		return hex.EncodeToString(g.bytes(16))
	case 2:
		return fmt.Sprintf("1%d", 3000000000+g.below(6999999999))
	default:
		return g.choose([]string{"alice", "bob", "wangwei", "lihua", "support", "zhang.min", "emma", "admin", "chen_jie", "david"})
	}
}

// clientID is a random UUID without or with dashes, as SDKs make them.
func (g *generator) clientID() string {
	h := hex.EncodeToString(g.bytes(16))
	if g.below(2) == 0 {
		return h
	}
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (g *generator) message(from, to, body string, kind uint32, seq uint64) *wire.Message {
	platforms := []wire.Platform{wire.Platform_PLATFORM_ANDROID, wire.Platform_PLATFORM_IOS, wire.Platform_PLATFORM_PC, wire.Platform_PLATFORM_WEB}
	m := &wire.Message{
		From: from, To: to, ClientId: g.clientID(), Type: kind, Body: body,
		FromPlatform: platforms[g.below(4)], FromDevice: g.clientID(),
		Seq: seq, Id: 1000000 + g.below(1<<32), TimeMs: g.time(),
	}
	if g.below(3) == 0 {
		m.Ext = g.fill(g.choose(read("train", "ext")))
	}
	return m
}

// time is a moment of 2026 or 2027.
func (g *generator) time() int64 { return 1_767_225_600_000 + int64(g.below(2*365*86_400_000)) }

func (g *generator) syncPage() *wire.SyncResponse {
	page := &wire.SyncResponse{Version: 1000000 + g.below(1<<32)}
	for range 1 + g.below(20) {
		last := 1 + g.below(2000)
		page.Conversations = append(page.Conversations, &wire.ConversationState{
			Peer: g.account(), LastSeq: last, ReadSeq: last - g.below(min(last, 4)), PeerReadSeq: last,
			Version: 1000000 + g.below(1<<32), TimeMs: g.time(),
		})
	}
	return page
}
