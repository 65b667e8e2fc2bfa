// What the page around the snippet supplies: the three displays, and the moment to subscribe. `tell` is the test's.
function updateEADisplay(data) { tell({ ea: data }); }
function updatePortfolioDisplay(data) { tell({ portfolio: data }); }
function showAlert(data) { tell({ alert: data }); }
ws.addEventListener('message', (event) => {
    const type = JSON.parse(event.data).type;
    if (type === 'auth_response') subscribeToChannels();
    if (type === 'subscription_response') tell({ subscribed: true });
});
