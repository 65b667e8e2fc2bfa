const ws = new WebSocket('ws://127.0.0.1:8765');

// Authenticate
ws.onopen = () => {
    ws.send(JSON.stringify({
        type: 'auth',
        data: { token: 'your_auth_token' }
    }));
};

// Handle messages
ws.onmessage = (event) => {
    const message = JSON.parse(event.data);
    
    switch (message.type) {
        case 'ea_update':
            updateEADisplay(message.data);
            break;
        case 'portfolio_update':
            updatePortfolioDisplay(message.data);
            break;
        case 'alert':
            showAlert(message.data);
            break;
    }
};

// Subscribe to channels
function subscribeToChannels() {
    ws.send(JSON.stringify({
        type: 'subscribe',
        data: { channels: ['ea_updates', 'portfolio_updates', 'alerts'] }
    }));
}
