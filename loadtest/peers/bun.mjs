// A peer of the load tests: Bun.serve, whose sockets are uWebSockets'. It pings by itself when a socket has been idle.
const sockets = new Map();

Bun.serve({
    hostname: '127.0.0.1',
    port: Number(process.argv[2]),
    async fetch(request, server) {
        const { pathname, searchParams } = new URL(request.url);
        const scene = searchParams.get('scene');
        if (pathname === '/ws') {
            return server.upgrade(request, { data: { scene } }) ? undefined : new Response('no upgrade', { status: 400 });
        }
        const socket = pathname === '/callback' ? sockets.get(scene) : undefined;
        if (!socket) return new Response('', { status: 404 });
        socket.send(await request.text());
        socket.close(1000);
        return new Response('ok');
    },
    websocket: {
        perMessageDeflate: false,
        sendPings: true,
        // The ping goes out before it, in steps of 4 s: this makes it 24.
        idleTimeout: 38,
        open(socket) { sockets.set(socket.data.scene, socket); },
        message() {},
        close(socket) { sockets.delete(socket.data.scene); },
    },
});
