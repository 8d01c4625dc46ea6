package mongoproxy

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// Proxy is a running proxy. Its methods may be called at any time from anywhere, except [Proxy.Close] from inside an action.
type Proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	decide   func(Command) Action
	commands []Command
	fired    int
	refusing bool
	closed   bool
	links    map[*link]struct{}
	numbers  int
	err      error
}

// Start listens at a free port of the loopback interface for connections to target, which is "host:port".
func Start(target string) (*Proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, listener: listener, links: map[*link]struct{}{}, decide: script(nil)}
	p.running.Go(p.accept)
	return p, nil
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Arm replaces the script and begins the record anew. Without faults everything passes.
func (p *Proxy) Arm(faults ...Fault) { p.Script(script(faults)) }

// Script replaces the script by a function that decides on each command that is not the driver's own, and begins the record anew. It is not called twice at once.
func (p *Proxy) Script(decide func(Command) Action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide, p.commands, p.fired = decide, nil, 0
}

// Commands are those that came since the script was last replaced, the driver's own left out.
func (p *Proxy) Commands() []Command {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.commands)
}

// Fired is how many connections the script has cut.
func (p *Proxy) Fired() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired
}

// Err is what the proxy could not understand; it passed such messages on.
func (p *Proxy) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Cut cuts all connections as they are, wherever they are.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAll()
}

// Refuse refuses new connections from now on, and cuts those that are there, or lets new ones in again.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusing = refuse; refuse {
		p.cutAll()
	}
}

// Close cuts everything and waits until all has ended.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.cutAll()
	p.mu.Unlock()
	err := p.listener.Close()
	p.running.Wait()
	return err
}

func (p *Proxy) cutAll() {
	for l := range p.links {
		l.cut()
	}
}

// accept lets connections in until the listener is closed.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.connect(client) })
	}
}

// connect links a connection to the server and serves it until it is cut.
func (p *Proxy) connect(client net.Conn) {
	l := &link{p: p, client: client, fates: map[uint32]Action{}}
	if !p.admit(l) {
		abandon(client)
		return
	}
	defer p.forget(l)
	server, err := (&net.Dialer{Timeout: 5 * time.Second}).Dial("tcp", p.target)
	if err != nil || !l.join(server) {
		l.cut()
		return
	}
	var answers sync.WaitGroup
	answers.Go(l.answers)
	l.requests()
	l.cut()
	answers.Wait()
}

func (p *Proxy) admit(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusing || p.closed {
		return false
	}
	p.numbers++
	l.number = p.numbers
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// see records a command of a link and decides on it. It returns false for a link that was cut by now: when all are, which is one after the other, who knows of it by the end of one
// finds no other that still passes commands on.
func (p *Proxy) see(l *link, c Command) (Action, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.isDead() {
		return Action{}, false
	}
	p.commands = append(p.commands, c)
	return p.decide(c), true
}

// strike does what an action says at the point of its cut.
func (p *Proxy) strike(l *link, a Action) {
	p.mu.Lock()
	p.fired++
	p.refusing = p.refusing || a.Crash
	p.mu.Unlock()
	if a.Meanwhile != nil {
		a.Meanwhile()
	}
	if a.Crash {
		p.Cut()
	}
	l.cut()
}

// fail keeps the first error.
func (p *Proxy) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// link is a connection of a driver and the one to the server that belongs to it.
type link struct {
	p      *Proxy
	number int
	client net.Conn

	mu     sync.Mutex
	server net.Conn // nil before join
	dead   bool
	fates  map[uint32]Action // by the id of the request whose answer they wait for
}

// join takes the connection to the server; it returns false when the link was cut by now.
func (l *link) join(server net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = server
	if l.dead {
		abandon(server)
	}
	return !l.dead
}

// cut closes both connections at once, without the goodbyes of TCP.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return
	}
	l.dead = true
	abandon(l.client)
	if l.server != nil {
		abandon(l.server)
	}
}

func (l *link) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// abandon resets a connection.
func abandon(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it may be closed by the other side, which is as good
	}
	_ = c.Close()
}

// requests passes on what the driver sends.
func (l *link) requests() {
	for {
		m, err := readMessage(l.client)
		if err != nil {
			if errors.Is(err, errFrame) {
				l.p.fail(err)
			}
			return
		}
		c, counts, err := m.command()
		if err != nil {
			l.p.fail(err)
		}
		var action Action
		if counts && !own(c.Name) {
			c.Connection = l.number
			var alive bool
			if action, alive = l.p.see(l, c); !alive {
				return
			}
		}
		if action.Cut == Before {
			l.p.strike(l, action)
			return
		}
		silent := m.flags()&flagMoreToCome != 0
		if !silent && (action.Cut == After || action.Late > 0) {
			l.mu.Lock()
			l.fates[m.id()] = action
			l.mu.Unlock()
		}
		if _, err := l.server.Write(m); err != nil {
			return
		}
		if silent && action.Cut == After {
			l.p.strike(l, action)
			return
		}
	}
}

// answers passes on what the server sends.
func (l *link) answers() {
	defer l.cut()
	for {
		m, err := readMessage(l.server)
		if err != nil {
			return
		}
		l.mu.Lock()
		action, waited := l.fates[m.answers()]
		delete(l.fates, m.answers())
		l.mu.Unlock()
		if waited && action.Cut == After {
			l.p.strike(l, action)
			return
		}
		if action.Late > 0 {
			time.Sleep(action.Late)
		}
		if _, err := l.client.Write(m); err != nil {
			return
		}
	}
}
