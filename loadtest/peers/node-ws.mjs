// A peer of the load tests: Node with `ws` in its usual pattern, one interval that pings all sockets.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { WebSocketServer } from 'ws';

const sockets = new Map();
const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const socket = pathname === '/callback' ? sockets.get(searchParams.get('scene')) : undefined;
    const event = await text(request);
    if (!socket) {
        response.writeHead(404).end();
        return;
    }
    socket.send(event);
    socket.close(1000);
    response.end('ok');
});

const wss = new WebSocketServer({ server, path: '/ws', perMessageDeflate: false });
wss.on('connection', (socket, request) => {
    const scene = new URL(request.url, 'http://localhost').searchParams.get('scene');
    sockets.set(scene, socket);
    socket.isAlive = true;
    socket.on('pong', () => { socket.isAlive = true; });
    socket.on('error', console.error);
    socket.on('close', () => sockets.delete(scene));
});

setInterval(() => {
    for (const socket of wss.clients) {
        if (!socket.isAlive) {
            socket.terminate();
            continue;
        }
        socket.isAlive = false;
        socket.ping();
    }
}, 25_000);

server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
